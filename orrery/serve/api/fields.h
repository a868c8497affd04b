// A request's JSON object, field by field, so that none is ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/serve/refusal.h"

namespace orrery::serve {

/// The body as JSON. Throws Refusal (400) for what is no JSON object, no UTF-8, deeper than 64 levels, or names a field
/// twice.
nlohmann::ordered_json parse_body(std::string_view body);

/// Reads an object. Every getter throws Refusal (400) naming the field for a value of another type or out of range; a
/// field that is null counts as absent. finish() refuses fields that nobody asked for.
class Fields {
 public:
  /// `path`: where the object stands, "" for the body, "messages[0]" for a part of it. The object must outlive this.
  explicit Fields(const nlohmann::ordered_json& object, std::string path = "");

  /// Anything; nullptr where absent.
  const nlohmann::ordered_json* any(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<double> number(std::string_view name, double least = -std::numeric_limits<double>::infinity(),
                               double most = std::numeric_limits<double>::infinity());
  std::optional<int64_t> integer(std::string_view name, int64_t least = std::numeric_limits<int64_t>::min(),
                                 int64_t most = std::numeric_limits<int64_t>::max());
  const nlohmann::ordered_json* object(std::string_view name);
  const nlohmann::ordered_json* array(std::string_view name);
  /// A text, or a list of texts.
  std::vector<std::string> texts(std::string_view name);

  std::string text_or_throw(std::string_view name);
  const nlohmann::ordered_json& array_or_throw(std::string_view name);

  /// For clients that send what does nothing here (OpenAI's `user`, `store`, …), whatever its value.
  void ignore(std::initializer_list<std::string_view> names);
  /// Fields we know but cannot do: absent, null, or `nothing` (what means the same as absent) pass.
  void only(std::string_view name, const nlohmann::ordered_json& nothing, std::string_view why);
  void finish() const;

  const std::string& path() const { return path_; }
  /// "path.name"
  std::string at(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, const std::string& found, const std::string& expected) const;

 private:
  const nlohmann::ordered_json& object_;
  std::string path_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace orrery::serve
