// Python's two ways to format: "%d" % x and "{:d}".format(x).
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

/// text % argument.
Value format_percent(const Value& text, const Value& argument);
/// text.format(*args, **keywords), as the sandbox does it; `mapping` replaces the keywords (format_map).
Value format_braces(const Value& text, const CallArgs& args, const Value* mapping = nullptr);
/// format(value, spec): the format specification mini-language.
std::string format_value(const Value& value, std::string_view spec);
/// ascii(value): repr with everything outside of ASCII escaped.
std::string ascii_repr(const Value& value);

/// A float's magnitude in printf's style e, f or g; `keep_zeros` is the flag #. Infinity and nan are spelt as Python
/// does.
std::string format_magnitude(double magnitude, char style, int64_t precision, bool keep_zeros);
/// An int's magnitude in base 2, 8, 10 or 16, lower-case digits.
std::string format_magnitude(uint64_t magnitude, int base);

}  // namespace orrery::text::jinja
