// Substring search in linear time: std::string's own is quadratic on texts like "aaaa…b", and templates choose their
// texts.
#pragma once

#include <string_view>

namespace orrery::text::jinja {

/// Byte offset of the first occurrence that begins at `from` or later; npos when there is none. Charges the budget.
size_t find_first(std::string_view text, std::string_view needle, size_t from = 0);
/// Byte offset of the last occurrence; npos when there is none. Charges the budget.
size_t find_last(std::string_view text, std::string_view needle);

}  // namespace orrery::text::jinja
