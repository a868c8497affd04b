// Character properties as the tokenizers' regular expressions mean them: Unicode 16.0, whatever the system's libraries
// know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace orrery::text {

/// General categories, in utf8proc's order.
enum class Category : uint8_t {
  kCn,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCs,
  kCo
};
Category category(char32_t code);

/// Bits of char_class().
enum CharClass : uint8_t {
  kUpper = 1,        ///< Lu, Lt
  kLower = 2,        ///< Ll
  kOtherLetter = 4,  ///< Lm, Lo
  kLetter = kUpper | kLower | kOtherLetter,
  kMark = 8,          ///< M
  kNumber = 16,       ///< N
  kPunctuation = 32,  ///< P
  kSymbol = 64,       ///< S
  kSpace = 128,       ///< the White_Space property (not category Z)
};
namespace detail {
extern const uint8_t kAsciiClass[128];
uint8_t wide_char_class(char32_t code);
}  // namespace detail
inline uint8_t char_class(char32_t code) {
  return code < 128 ? detail::kAsciiClass[code] : detail::wide_char_class(code);
}

bool is_space(char32_t code);
/// What \w means: Alphabetic, M, Nd and Pc, and with Oniguruma six superscripts and fractions of Latin-1, with Rust's
/// regex the joiners U+200C and U+200D.
bool is_oniguruma_word(char32_t code);
bool is_rust_word(char32_t code);
/// The characters that one lowercases to, appended (a character at a time: no final sigma rule).
void append_lowercase(std::string& text, char32_t code);

/// Characters that Unicode 15 to 16 assigned; a stand-in has the same category (and script, for Han) and length in
/// UTF-8.
struct NewerCharacters {
  char32_t first, last;
  Category category;
  char32_t stand_in;
};
extern const NewerCharacters kNewerCharacters[];
extern const size_t kNewerCharacterCount;
const NewerCharacters* find_newer(char32_t code);

/// Writes into `shadow` the text with every newer character replaced by its stand-in: same length, same categories,
/// known to a library of Unicode 14. Returns false, and leaves `shadow` alone, where there is none.
bool shadow_newer(std::string_view text, std::string& shadow);

}  // namespace orrery::text
