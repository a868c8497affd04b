#include "orrery/serve/store/folding.h"

#include <utf8proc.h>

#include <algorithm>

#include "orrery/serve/store/store_error.h"

namespace orrery::serve {
namespace {

constexpr size_t kMostFolded = 16 << 20;  // a character may fold to eighteen

bool is_space(utf8proc_int32_t codepoint) {
  switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
      return true;
    default:
      return false;
  }
}

/// Yields the folded form character by character, so that a place in it can be found again in the text. Marks are not
/// reordered.
class Folder {
 public:
  explicit Folder(std::string_view text) : text_(text) {}

  size_t position() const { return position_; }

  /// Appends what the next character folds to; false at the end.
  bool next(std::string& out) {
    if (position_ >= text_.size()) return false;
    if (const char c = text_[position_]; c > ' ' && c <= '~') {  // ASCII, most of the text, needs no tables
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
      after_space_ = false;
      ++position_;
      return true;
    }
    utf8proc_int32_t codepoint = 0;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text_.data()) + position_;
    const utf8proc_ssize_t length =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text_.size() - position_), &codepoint);
    if (length <= 0) {
      throw StoreError(StoreError::Kind::kInvalid,
                       {.doing = "search in a text", .found = "bytes that are not UTF-8", .expected = "UTF-8"});
    }
    position_ += static_cast<size_t>(length);
    append(codepoint, out);
    return true;
  }

 private:
  void append(utf8proc_int32_t codepoint, std::string& out) {
    if (is_space(codepoint)) {
      if (!after_space_) out += ' ';
      after_space_ = true;
      return;
    }
    constexpr auto kOptions =
        static_cast<utf8proc_option_t>(UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_IGNORE);
    utf8proc_int32_t folded[32];
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(codepoint, folded, 32, kOptions, &boundary);
    for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(count, 32); ++i) {
      utf8proc_uint8_t bytes[4];
      const utf8proc_ssize_t length = utf8proc_encode_char(folded[i], bytes);
      out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
      after_space_ = false;
    }
  }

  std::string_view text_;
  size_t position_ = 0;
  bool after_space_ = false;
};

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

// The byte that lies `characters` before or after `from`, or the text's end.
size_t step(std::string_view text, size_t from, int characters) {
  for (; characters < 0 && from > 0; ++characters) {
    do --from;
    while (from > 0 && !begins_character(text[from]));
  }
  for (; characters > 0 && from < text.size(); --characters) {
    do ++from;
    while (from < text.size() && !begins_character(text[from]));
  }
  return from;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = static_cast<unsigned char>(c) <= ' ';
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

std::string fold(std::string_view text) {
  std::string out;
  Folder folder(text);
  while (out.size() < kMostFolded && folder.next(out)) {
  }
  return out;
}

std::string like_pattern(std::string_view folded) {
  std::string pattern = "%";
  for (const char c : folded) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + "%";
}

std::string snippet(std::string_view text, std::string_view folded) {
  const size_t hit = fold(text).find(folded);
  if (hit == std::string::npos) return {};
  Folder folder(text);
  size_t start = 0, length = 0;
  for (std::string piece; length <= hit; piece.clear()) {
    start = folder.position();
    if (!folder.next(piece)) break;
    length += piece.size();
  }
  const size_t from = step(text, start, -40), to = step(text, start, 120);
  std::string result = one_line(text.substr(from, to - from));
  if (from > 0) result.insert(0, "…");
  if (to < text.size()) result += "…";
  return result;
}

}  // namespace orrery::serve
