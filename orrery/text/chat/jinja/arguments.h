// Reads a call's arguments as Python binds them to a function's parameters.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

class Arguments {
 public:
  enum Keywords { allowed, positional_only };

  /// Throws Failure for too many, unknown or doubled arguments, and when one of the first `required` is absent.
  Arguments(std::string_view function, const CallArgs& args, std::initializer_list<std::string_view> names,
            size_t required = 0, Keywords keywords = allowed);

  bool has(size_t i) const { return values_[i] != nullptr; }
  const Value& operator[](size_t i) const { return *values_[i]; }
  Value get(size_t i, Value otherwise) const { return has(i) ? *values_[i] : std::move(otherwise); }
  /// An int (or bool); throws for any other type.
  int64_t integer(size_t i, int64_t otherwise) const;
  bool truth(size_t i, bool otherwise = false) const;
  /// A text; throws for any other type.
  const Str& text(size_t i) const;
  bool has_value(size_t i) const { return has(i) && !values_[i]->is_none(); }

 private:
  std::string_view function_;
  std::vector<const Value*> values_;
};

}  // namespace orrery::text::jinja
