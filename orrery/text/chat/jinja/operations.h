// What Python's operators and built-in functions do to values. Everything here throws Failure where Python raises.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/jinja/builder.h"
#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

// Printing (print.cpp)
std::string to_text(const Value& value);  ///< str(value)
void append_text(TextBuilder& out, const Value& value);
std::string repr(const Value& value);
void append_repr(TextBuilder& out, const Value& value);
std::string repr_of_text(std::string_view text);
std::string repr_of_real(double d);  ///< the shortest digits that read back, laid out as Python does
std::string repr_of_dict(const Dict& dict);
/// The value itself when it is a text, else str(value): markupsafe's soft_str.
Value soft_text(const Value& value);

// Truth and order (compare.cpp)
bool truthy(const Value& value);
bool equal(const Value& a, const Value& b);
enum class Comparison { lt, le, gt, ge };
bool compare(Comparison op, const Value& a, const Value& b);
inline bool less(const Value& a, const Value& b) { return compare(Comparison::lt, a, b); }
bool contains(const Value& container, const Value& item);

// Numbers and operators (arithmetic.cpp)
Value add(const Value& a, const Value& b);
Value subtract(const Value& a, const Value& b);
Value multiply(const Value& a, const Value& b);
Value divide(const Value& a, const Value& b);
Value floor_divide(const Value& a, const Value& b);
Value modulo(const Value& a, const Value& b);
Value power(const Value& a, const Value& b);
Value negate(const Value& a);
Value identity(const Value& a);  ///< unary plus

// Access (access.cpp)
std::optional<int64_t> length(const Value& value);  ///< nullopt: has no len()
int64_t checked_length(const Value& value);
bool iterable(const Value& value);
std::unique_ptr<Stream> iterate(const Value& value);
std::unique_ptr<Stream> iterate_reversed(const Value& value);     ///< nullptr when Python's reversed() would refuse
std::vector<Value> collect(const Value& value);                   ///< list(value)
Value get_attribute(const Value& object, std::string_view name);  ///< the sandbox's object.name
Value get_item(const Value& object, const Value& key);            ///< the sandbox's object[key]
/// object.name without the fall-back to object["name"]; nullopt when there is none.
std::optional<Value> plain_attribute(const Value& object, std::string_view name);
/// object[start:stop:step]; none stands for a part left out.
Value slice(const Value& object, const Value& start, const Value& stop, const Value& step);
Value call(const Value& callee, const CallArgs& args);
/// A text's code points [start, stop), as a text of the same kind.
Value substring(const Str& text, int64_t start, int64_t stop);

/// What Python calls an index: an int or bool; anything else throws.
int64_t as_index(const Value& value);

}  // namespace orrery::text::jinja
