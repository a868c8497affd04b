// Rewriting a text character by character, for normalizers.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

/// Rewrites a text character by character: `append(out, code, utf8)` says what each becomes.
template <typename Append>
void map_characters(std::string& text, Append append) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text.data() + at);
    append(out, character.code, std::string_view(text).substr(at, character.length));
    at += character.length;
  }
  text = std::move(out);
}

template <typename Keep>
void keep_characters(std::string& text, Keep keep) {
  map_characters(text, [keep](std::string& out, char32_t code, std::string_view utf8) {
    if (keep(code)) out += utf8;
  });
}

inline void lowercase(std::string& text) {
  map_characters(text, [](std::string& out, char32_t code, std::string_view) { append_lowercase(out, code); });
}

}  // namespace orrery::text
