#include "orrery/text/chat/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace orrery::text::jinja {
namespace {

struct Range {
  char32_t first, last;
};

template <size_t N>
bool contains(const Range (&ranges)[N], char32_t c) {
  const Range* it = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                     [](char32_t value, const Range& range) { return value < range.first; });
  return it != std::begin(ranges) && c <= std::prev(it)->last;
}

// Unicode's derived properties beyond what the general category says.
constexpr Range kOtherLowercase[] = {
    {0xAA, 0xAA},     {0xBA, 0xBA},     {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},     {0x345, 0x345},
    {0x37A, 0x37A},   {0x1D2C, 0x1D6A}, {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
    {0x2090, 0x209C}, {0x2170, 0x217F}, {0x24D0, 0x24E9},   {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},
    {0xA7F8, 0xA7F9}, {0xAB5C, 0xAB5F}, {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}};
constexpr Range kOtherUppercase[] = {
    {0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
constexpr Range kDigitsNotDecimal[] = {{0xB2, 0xB3},       {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},
                                       {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
                                       {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
                                       {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},
                                       {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};
constexpr Range kNumericIdeographs[] = {
    {0x3405, 0x3405}, {0x3483, 0x3483}, {0x382A, 0x382A}, {0x3B4D, 0x3B4D}, {0x4E00, 0x4E00}, {0x4E03, 0x4E03},
    {0x4E07, 0x4E07}, {0x4E09, 0x4E09}, {0x4E5D, 0x4E5D}, {0x4E8C, 0x4E8C}, {0x4E94, 0x4E94}, {0x4E96, 0x4E96},
    {0x4EBF, 0x4EC0}, {0x4EDF, 0x4EDF}, {0x4EE8, 0x4EE8}, {0x4F0D, 0x4F0D}, {0x4F70, 0x4F70}, {0x5104, 0x5104},
    {0x5146, 0x5146}, {0x5169, 0x5169}, {0x516B, 0x516B}, {0x516D, 0x516D}, {0x5341, 0x5341}, {0x5343, 0x5345},
    {0x534C, 0x534C}, {0x53C1, 0x53C4}, {0x56DB, 0x56DB}, {0x58F1, 0x58F1}, {0x58F9, 0x58F9}, {0x5E7A, 0x5E7A},
    {0x5EFE, 0x5EFF}, {0x5F0C, 0x5F0E}, {0x5F10, 0x5F10}, {0x62FE, 0x62FE}, {0x634C, 0x634C}, {0x67D2, 0x67D2},
    {0x6F06, 0x6F06}, {0x7396, 0x7396}, {0x767E, 0x767E}, {0x8086, 0x8086}, {0x842C, 0x842C}, {0x8CAE, 0x8CAE},
    {0x8CB3, 0x8CB3}, {0x8D30, 0x8D30}, {0x9621, 0x9621}, {0x9646, 0x9646}, {0x964C, 0x964C}, {0x9678, 0x9678},
    {0x96F6, 0x96F6}, {0xF96B, 0xF96B}, {0xF973, 0xF973}, {0xF978, 0xF978}, {0xF9B2, 0xF9B2}, {0xF9D1, 0xF9D1},
    {0xF9D3, 0xF9D3}, {0xF9FD, 0xF9FD}};

// SpecialCasing.txt, unconditional upper-case mappings to more than one character. The regular Greek block with iota
// subscript (1F80–1FAF) is computed in `special_upper`.
struct Special {
  char32_t from;
  char32_t to[3];
};
constexpr Special kSpecialUpper[] = {{0xDF, {0x53, 0x53}},
                                     {0x149, {0x2BC, 0x4E}},
                                     {0x1F0, {0x4A, 0x30C}},
                                     {0x390, {0x399, 0x308, 0x301}},
                                     {0x3B0, {0x3A5, 0x308, 0x301}},
                                     {0x587, {0x535, 0x552}},
                                     {0x1E96, {0x48, 0x331}},
                                     {0x1E97, {0x54, 0x308}},
                                     {0x1E98, {0x57, 0x30A}},
                                     {0x1E99, {0x59, 0x30A}},
                                     {0x1E9A, {0x41, 0x2BE}},
                                     {0x1F50, {0x3A5, 0x313}},
                                     {0x1F52, {0x3A5, 0x313, 0x300}},
                                     {0x1F54, {0x3A5, 0x313, 0x301}},
                                     {0x1F56, {0x3A5, 0x313, 0x342}},
                                     {0x1FB2, {0x1FBA, 0x399}},
                                     {0x1FB3, {0x391, 0x399}},
                                     {0x1FB4, {0x386, 0x399}},
                                     {0x1FB6, {0x391, 0x342}},
                                     {0x1FB7, {0x391, 0x342, 0x399}},
                                     {0x1FBC, {0x391, 0x399}},
                                     {0x1FC2, {0x1FCA, 0x399}},
                                     {0x1FC3, {0x397, 0x399}},
                                     {0x1FC4, {0x389, 0x399}},
                                     {0x1FC6, {0x397, 0x342}},
                                     {0x1FC7, {0x397, 0x342, 0x399}},
                                     {0x1FCC, {0x397, 0x399}},
                                     {0x1FD2, {0x399, 0x308, 0x300}},
                                     {0x1FD3, {0x399, 0x308, 0x301}},
                                     {0x1FD6, {0x399, 0x342}},
                                     {0x1FD7, {0x399, 0x308, 0x342}},
                                     {0x1FE2, {0x3A5, 0x308, 0x300}},
                                     {0x1FE3, {0x3A5, 0x308, 0x301}},
                                     {0x1FE4, {0x3A1, 0x313}},
                                     {0x1FE6, {0x3A5, 0x342}},
                                     {0x1FE7, {0x3A5, 0x308, 0x342}},
                                     {0x1FF2, {0x1FFA, 0x399}},
                                     {0x1FF3, {0x3A9, 0x399}},
                                     {0x1FF4, {0x38F, 0x399}},
                                     {0x1FF6, {0x3A9, 0x342}},
                                     {0x1FF7, {0x3A9, 0x342, 0x399}},
                                     {0x1FFC, {0x3A9, 0x399}},
                                     {0xFB00, {0x46, 0x46}},
                                     {0xFB01, {0x46, 0x49}},
                                     {0xFB02, {0x46, 0x4C}},
                                     {0xFB03, {0x46, 0x46, 0x49}},
                                     {0xFB04, {0x46, 0x46, 0x4C}},
                                     {0xFB05, {0x53, 0x54}},
                                     {0xFB06, {0x53, 0x54}},
                                     {0xFB13, {0x544, 0x546}},
                                     {0xFB14, {0x544, 0x535}},
                                     {0xFB15, {0x544, 0x53B}},
                                     {0xFB16, {0x54E, 0x546}},
                                     {0xFB17, {0x544, 0x53D}}};
constexpr char32_t kIota = 0x399, kIotaSubscript = 0x345, kApostropheN = 0x149, kDottedI = 0x130;

std::u32string special_upper(char32_t c) {
  if (c >= 0x1F80 && c <= 0x1FAF) {
    constexpr char32_t kBase[] = {0x1F08, 0x1F28, 0x1F68};
    return {static_cast<char32_t>(kBase[(c - 0x1F80) / 16] + (c & 7)), kIota};
  }
  const Special* it = std::lower_bound(std::begin(kSpecialUpper), std::end(kSpecialUpper), c,
                                       [](const Special& special, char32_t value) { return special.from < value; });
  if (it == std::end(kSpecialUpper) || it->from != c) return {};
  std::u32string out;
  for (char32_t to : it->to)
    if (to != 0) out += to;
  return out;
}

void append_upper(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 32) : static_cast<char>(c);
    return;
  }
  const std::u32string special = special_upper(c);
  if (special.empty()) return append_code_point(out, utf8proc_toupper(c));
  for (char32_t to : special) append_code_point(out, to);
}

void append_lower(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : static_cast<char>(c);
  } else if (c == kDottedI) {
    out += "i\u0307";
  } else {
    append_code_point(out, utf8proc_tolower(c));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c < 0x80) return append_upper(out, c);
  const char32_t simple = utf8proc_totitle(c);
  std::u32string special = special_upper(c);
  // A letter with iota subscript has a title case of its own where it has no further accent.
  const bool has_title = special.size() == 2 && special[1] == kIota && (simple != c || is_title(c));
  if (special.empty() || has_title) return append_code_point(out, simple);
  if (special.back() == kIota) special.back() = kIotaSubscript;
  append_code_point(out, special[0]);
  for (size_t i = 1; i < special.size(); ++i) {
    if (c == kApostropheN)
      append_code_point(out, special[i]);
    else
      append_lower(out, special[i]);
  }
}

size_t ascii_prefix(std::string_view text) {
  size_t size = 0;
  for (uint64_t block; size + sizeof block <= text.size(); size += sizeof block) {
    std::memcpy(&block, text.data() + size, sizeof block);
    if ((block & 0x8080808080808080u) != 0) break;
  }
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80) ++size;
  return size;
}

std::string mapped_ascii(std::string_view text, char first, char last) {
  std::string out(text);
  for (char& c : out)
    if (c >= first && c <= last) c ^= 0x20;
  return out;
}

bool is_cased(char32_t c) { return is_lower(c) || is_upper(c) || is_title(c); }

bool is_case_ignorable(char32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:  // the word-break classes MidLetter, MidNumLet and Single_Quote
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x387 || c == 0x55F || c == 0x5F4 || c == 0x2018 ||
             c == 0x2019 || c == 0x2024 || c == 0x2027 || c == 0xFE13 || c == 0xFE52 || c == 0xFE55 || c == 0xFF07 ||
             c == 0xFF0E || c == 0xFF1A;
  }
}

// Final_Sigma of the Unicode standard, sec. 3.13: a cased letter before, none after, case-ignorable ones skipped.
bool is_final_sigma(std::string_view text, size_t begin, size_t end) {
  bool cased_before = false;
  while (begin > 0) {
    const char32_t c = previous_code_point(text, begin);
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  while (cased_before && end < text.size()) {
    const char32_t c = next_code_point(text, end);
    if (is_case_ignorable(c)) continue;
    return !is_cased(c);
  }
  return cased_before;
}

void append_lower_at(std::string& out, std::string_view text, size_t begin, size_t end, char32_t c) {
  if (c != 0x3A3) return append_lower(out, c);
  append_code_point(out, is_final_sigma(text, begin, end) ? 0x3C2 : 0x3C3);
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[pos + i])); };
  const char32_t first = byte(0);
  if (first < 0x80) return ++pos, first;
  if (first < 0xE0) return pos += 2, ((first & 0x1F) << 6) | (text[pos - 1] & 0x3F);
  char32_t c;
  if (first < 0xF0) {
    c = ((first & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
    pos += 3;
  } else {
    c = ((first & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F);
    pos += 4;
  }
  return c;
}

char32_t previous_code_point(std::string_view text, size_t& end) {
  do --end;
  while (end > 0 && (text[end] & 0xC0) == 0x80);
  size_t pos = end;
  return next_code_point(text, pos);
}

void append_code_point(std::string& out, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out.append(reinterpret_cast<const char*>(bytes), n);
}

std::string utf8(char32_t c) {
  std::string out;
  append_code_point(out, c);
  return out;
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) out += next_code_point(text, pos);
  return out;
}

int64_t count_code_points(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  int64_t count = 0;
  for (utf8proc_ssize_t pos = 0; pos < size; ++count) {
    const utf8proc_ssize_t ascii = ascii_prefix(text.substr(pos));
    pos += ascii;
    count += ascii;
    if (pos == size) break;
    utf8proc_int32_t c;
    const auto n = utf8proc_iterate(bytes + pos, size - pos, &c);
    if (n <= 0) return -1;
    pos += n;
  }
  return count;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 32;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alpha(char32_t c) {
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(char32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t c) { return is_decimal(c) || contains(kDigitsNotDecimal, c); }
bool is_numeric(char32_t c) {
  const auto category = utf8proc_category(c);
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return true;
  return contains(kNumericIdeographs, c) || c == 0x20001 || c == 0x20064 || c == 0x200E2 || c == 0x20121 ||
         c == 0x2092A || c == 0x20983 || c == 0x2098C || c == 0x2099C || c == 0x20AEA || c == 0x20AFD || c == 0x20B19 ||
         c == 0x22390 || c == 0x22998 || c == 0x23B1B || c == 0x2626D || c == 0x2F890;
}
bool is_alnum(char32_t c) { return is_alpha(c) || is_numeric(c); }
bool is_lower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LL || contains(kOtherLowercase, c);
}
bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LU || contains(kOtherUppercase, c);
}
bool is_title(char32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_LT; }

bool is_identifier_start(char32_t c) { return c == '_' || is_alpha(c) || utf8proc_category(c) == UTF8PROC_CATEGORY_NL; }
bool is_identifier_part(char32_t c) {
  if (is_identifier_start(c) || is_decimal(c)) return true;
  const auto category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_PC ||
         c == 0xB7 || c == 0x387;
}

std::string upper(std::string_view text) {
  if (ascii_prefix(text) == text.size()) return mapped_ascii(text, 'a', 'z');
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) append_upper(out, next_code_point(text, pos));
  return out;
}

std::string lower(std::string_view text) {
  if (ascii_prefix(text) == text.size()) return mapped_ascii(text, 'A', 'Z');
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(text, pos);
    append_lower_at(out, text, begin, pos, c);
  }
  return out;
}

std::string title(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool inside_word = false;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(text, pos);
    if (inside_word)
      append_lower_at(out, text, begin, pos, c);
    else
      append_title(out, c);
    inside_word = is_cased(c);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  std::string out;
  size_t pos = 0;
  append_title(out, next_code_point(text, pos));
  while (pos < text.size()) {
    const size_t begin = pos;
    const char32_t c = next_code_point(text, pos);
    append_lower_at(out, text, begin, pos, c);
  }
  return out;
}

std::string swapcase(std::string_view text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(text, pos);
    if (is_upper(c))
      append_lower_at(out, text, begin, pos, c);
    else if (is_lower(c))
      append_upper(out, c);
    else
      append_code_point(out, c);
  }
  return out;
}

std::string casefold(std::string_view text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    utf8proc_int32_t folded[8];
    int last_boundclass = 0;
    const auto n = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, &last_boundclass);
    for (int i = 0; i < n; ++i) append_code_point(out, folded[i]);
  }
  return out;
}

}  // namespace orrery::text::jinja
