#include "orrery/text/tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

Category category(char32_t code) {
  const auto known = static_cast<Category>(utf8proc_category(static_cast<utf8proc_int32_t>(code)));
  if (known == Category::kCn) {
    if (const NewerCharacters* newer = find_newer(code)) return newer->category;
  }
  return code == 0x1171E ? Category::kMc : known;  // the one category that Unicode 16 corrected
}

const NewerCharacters* find_newer(char32_t code) {
  const NewerCharacters* end = kNewerCharacters + kNewerCharacterCount;
  const auto* found =
      std::lower_bound(kNewerCharacters, end, code, [](const auto& range, char32_t c) { return range.last < c; });
  return found != end && found->first <= code ? found : nullptr;
}

bool shadow_newer(std::string_view text, std::string& shadow) {
  bool copied = false;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xE0) {  // nothing below U+0800 is new
      ++at;
      continue;
    }
    const Utf8Char character = decode_utf8(text.data() + at);
    if (character.code < 0x4E00 || character.code > 0x9FFF) {  // the common Han block is old
      if (const NewerCharacters* newer = find_newer(character.code)) {
        if (!copied) shadow.assign(text);
        copied = true;
        std::string stand_in;
        append_utf8(stand_in, newer->stand_in);
        shadow.replace(at, stand_in.size(), stand_in);
      }
    }
    at += character.length;
  }
  return copied;
}

bool is_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000;
}

namespace {

uint8_t class_of(Category category) {
  switch (category) {
    case Category::kLu:
    case Category::kLt:
      return kUpper;
    case Category::kLl:
      return kLower;
    case Category::kLm:
    case Category::kLo:
      return kOtherLetter;
    case Category::kMn:
    case Category::kMc:
    case Category::kMe:
      return kMark;
    case Category::kNd:
    case Category::kNl:
    case Category::kNo:
      return kNumber;
    case Category::kPc:
    case Category::kPd:
    case Category::kPs:
    case Category::kPe:
    case Category::kPi:
    case Category::kPf:
    case Category::kPo:
      return kPunctuation;
    case Category::kSm:
    case Category::kSc:
    case Category::kSk:
    case Category::kSo:
      return kSymbol;
    default:
      return 0;
  }
}

/// Alphabetic characters that are neither letters nor letter numbers (PropList.txt, Other_Alphabetic), besides marks.
bool is_circled_letter(char32_t code) {
  return (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
         (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
}

bool is_word(char32_t code) {
  const Category kind = category(code);
  return (class_of(kind) & (kLetter | kMark)) != 0 || kind == Category::kNd || kind == Category::kNl ||
         kind == Category::kPc || is_circled_letter(code);
}

/// Capital letters that Unicode 16 and 17 added, and their small ones.
struct NewerCase {
  char32_t first, last, lower;
};
constexpr NewerCase kNewerCases[] = {{0x1C89, 0x1C89, 0x1C8A},   {0xA7CB, 0xA7CB, 0x264},  {0xA7CC, 0xA7CC, 0xA7CD},
                                     {0xA7CE, 0xA7CE, 0xA7CF},   {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
                                     {0xA7DA, 0xA7DA, 0xA7DB},   {0xA7DC, 0xA7DC, 0x19B},  {0x10D50, 0x10D65, 0x10D70},
                                     {0x16EA0, 0x16EB8, 0x16EBB}};

}  // namespace

namespace {

uint8_t compute_class(char32_t code) {
  return is_space(code) ? static_cast<uint8_t>(kSpace) : class_of(category(code));
}

constexpr char32_t kTabled = 0x10000;

std::vector<uint8_t> make_class_table() {
  std::vector<uint8_t> table(kTabled);
  for (char32_t code = 0; code < kTabled; ++code) table[code] = compute_class(code);
  return table;
}

}  // namespace

uint8_t detail::wide_char_class(char32_t code) {
  static const std::vector<uint8_t> table = make_class_table();  // a look-up costs less than utf8proc's; half a ms once
  return code < kTabled ? table[code] : compute_class(code);
}

bool is_oniguruma_word(char32_t code) {
  return is_word(code) || code == 0xB2 || code == 0xB3 || code == 0xB9 || (code >= 0xBC && code <= 0xBE);
}

bool is_rust_word(char32_t code) { return is_word(code) || code == 0x200C || code == 0x200D; }

void append_lowercase(std::string& text, char32_t code) {
  if (code == 0x130) {  // SpecialCasing.txt: the one character whose lower case is two
    text += "i\xCC\x87";
    return;
  }
  for (const NewerCase& newer : kNewerCases) {
    if (code >= newer.first && code <= newer.last) return append_utf8(text, code - newer.first + newer.lower);
  }
  append_utf8(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
}

// clang-format off
const uint8_t detail::kAsciiClass[128] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, kSpace, kSpace, kSpace, kSpace, kSpace, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    kSpace, kPunctuation, kPunctuation, kPunctuation, kSymbol, kPunctuation, kPunctuation, kPunctuation,        //  !"#$%&'
    kPunctuation, kPunctuation, kPunctuation, kSymbol, kPunctuation, kPunctuation, kPunctuation, kPunctuation,  // ()*+,-./
    kNumber, kNumber, kNumber, kNumber, kNumber, kNumber, kNumber, kNumber, kNumber, kNumber,                   // 0-9
    kPunctuation, kPunctuation, kSymbol, kSymbol, kSymbol, kPunctuation, kPunctuation,                          // :;<=>?@
    kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper,
    kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper, kUpper,     // A-Z
    kPunctuation, kPunctuation, kPunctuation, kSymbol, kPunctuation, kSymbol,                                   // [\]^_`
    kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower,
    kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower, kLower,     // a-z
    kPunctuation, kSymbol, kPunctuation, kSymbol, 0,                                                            // {|}~
};
// clang-format on

}  // namespace orrery::text
