// Strings as Python sees them: sequences of code points, stored as UTF-8. Classes and case mappings are Python's
// (str.isalpha, str.upper, …), from utf8proc's tables plus Unicode's SpecialCasing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::text::jinja {

/// Reads the code point at `pos` and moves past it. The text must be valid UTF-8 and pos < text.size().
char32_t next_code_point(std::string_view text, size_t& pos);
/// The code point that ends at `end`; `end` moves to its first byte.
char32_t previous_code_point(std::string_view text, size_t& end);
void append_code_point(std::string& out, char32_t c);
std::string utf8(char32_t c);
std::u32string code_points(std::string_view text);

/// Number of code points; -1 when the bytes are no valid UTF-8.
int64_t count_code_points(std::string_view text);

bool is_space(char32_t c);      ///< str.isspace, also \s in a regular expression
bool is_printable(char32_t c);  ///< str.isprintable
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_alnum(char32_t c);
bool is_lower(char32_t c);
bool is_upper(char32_t c);
bool is_title(char32_t c);             ///< a title-case digraph such as ǅ
bool is_identifier_start(char32_t c);  ///< as str.isidentifier
bool is_identifier_part(char32_t c);

std::string upper(std::string_view text);
std::string lower(std::string_view text);  ///< with Greek final sigma
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swapcase(std::string_view text);
std::string casefold(std::string_view text);

}  // namespace orrery::text::jinja
