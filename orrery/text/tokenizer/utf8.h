// UTF-8: decoding, validation and repair (The Unicode Standard 15, section 3.9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::text {

struct Utf8Char {
  char32_t code;
  uint32_t length;  ///< bytes
};

/// The character at `at`, which must point at the start of a well-formed one.
inline Utf8Char decode_utf8(const char* at) {
  const auto byte = [at](int i) { return static_cast<unsigned char>(at[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {static_cast<char32_t>((lead & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
  if (lead < 0xF0) {
    return {static_cast<char32_t>((lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)), 3};
  }
  return {
      static_cast<char32_t>((lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F)),
      4};
}

inline bool is_utf8_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Bytes that a character with this lead byte takes; 1 for bytes that lead nothing.
inline uint32_t utf8_length(char lead_byte) {
  const auto lead = static_cast<unsigned char>(lead_byte);
  return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

void append_utf8(std::string& text, char32_t code);

/// What stands at the start of `text`: a whole character (length 1 to 4), an ill-formed part (its maximal length, to be
/// replaced by one U+FFFD), or the beginning of a character that more bytes could still complete. `text` must not be
/// empty.
struct Utf8Prefix {
  enum class Kind { kCharacter, kIllFormed, kUnfinished } kind;
  uint32_t length;
};
Utf8Prefix utf8_prefix(std::string_view text);

bool is_utf8(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// The text with every maximal ill-formed part replaced by U+FFFD, as Python's errors="replace" and Rust's
/// from_utf8_lossy do.
std::string repair_utf8(std::string_view text);

}  // namespace orrery::text
