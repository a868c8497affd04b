// The escapes of a text literal.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text::jinja {

/// What stands between the quotes, with Python's escapes resolved as jinja2 does it (its unicode-escape codec works on
/// the text after every character outside of ASCII became an escape itself). Throws Failure for a malformed escape.
std::string unescape_literal(std::string_view literal);

}  // namespace orrery::text::jinja
