#include "orrery/text/tokenizer/utf8.h"

#include <cstring>

namespace orrery::text {

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

Utf8Prefix utf8_prefix(std::string_view text) {
  using Kind = Utf8Prefix::Kind;
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {Kind::kCharacter, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Kind::kIllFormed, 1};
  // Table 3-7: only the second byte's range depends on the lead (no overlong forms, no surrogates, nothing past
  // U+10FFFF).
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const uint32_t length = utf8_length(text[0]);
  for (uint32_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {Kind::kUnfinished, i};
    const bool follows = i == 1 ? byte(1) >= low && byte(1) <= high : (byte(i) & 0xC0) == 0x80;
    if (!follows) return {Kind::kIllFormed, i};
  }
  return {Kind::kCharacter, length};
}

namespace {

/// Bytes from `at` on that are ASCII, eight at a time.
size_t ascii_run(std::string_view text, size_t at) {
  const size_t begin = at;
  for (uint64_t word; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at - begin;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    at += ascii_run(text, at);
    while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) {
      const Utf8Prefix prefix = utf8_prefix(text.substr(at));
      if (prefix.kind != Utf8Prefix::Kind::kCharacter) return false;
      at += prefix.length;
    }
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Prefix prefix = utf8_prefix(text.substr(at));
    if (prefix.kind == Utf8Prefix::Kind::kCharacter) {
      repaired.append(text, at, prefix.length);
    } else {
      repaired.append(kReplacementCharacter);
    }
    at += prefix.length;
  }
  return repaired;
}

}  // namespace orrery::text
