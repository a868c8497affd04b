// GPT-2's printable stand-ins for bytes (openai/gpt-2, src/encoder.py, bytes_to_unicode): 188 bytes are their own
// Latin-1 character, the other 68 are U+0100 to U+0143 in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::text {

/// The character that stands for a byte.
char32_t byte_level_character(unsigned char byte);
/// The byte that a character stands for, or -1.
int byte_level_byte(char32_t code);

/// Appends every byte's character.
void append_byte_level(std::string& out, std::string_view bytes);
/// Appends the bytes that the characters of `text` stand for. False, and nothing appended, where one of them stands for
/// none.
bool append_byte_level_bytes(std::string& out, std::string_view text);

}  // namespace orrery::text
