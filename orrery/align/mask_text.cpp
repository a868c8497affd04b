#include "orrery/align/mask_text.h"

#include <string_view>

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::align {

namespace {

/// What is shown of a text, in lines; each ends with its line break but the last.
std::vector<std::string> shown_lines(std::string_view text) {
  constexpr char32_t kPictures = 0x2400, kDelete = 0x2421;  // "Control Pictures", of C0 in order
  const std::string good = text::repair_utf8(text);
  std::vector<std::string> lines(1);
  for (size_t at = 0; at < good.size();) {
    const auto [code, length] = text::decode_utf8(good.data() + at);
    at += length;
    if (code == '\n') {
      lines.back() += "↵";
      lines.emplace_back();
    } else if (code < 0x20 && code != '\t') {
      text::append_utf8(lines.back(), kPictures + code);
    } else if (code == 0x7F) {
      text::append_utf8(lines.back(), kDelete);
    } else if (code >= 0x80 && code < 0xA0) {  // C1, which some terminals obey
      lines.back() += text::kReplacementCharacter;
    } else {
      lines.back().append(good, at - length, length);
    }
  }
  return lines;
}

}  // namespace

std::string mask_text(const LearnedTokens& record, const text::Tokenizer& tokenizer, bool colour) {
  constexpr std::string_view kGreen = "\x1b[32m", kDim = "\x1b[2m", kEnd = "\x1b[0m";
  std::string out;
  for (size_t at = 0; at < record.tokens.size();) {
    const bool learned = record.learned[at];
    std::string run;
    for (; at < record.tokens.size() && record.learned[at] == learned; ++at)
      run += tokenizer.bytes(record.tokens[at], true);
    const std::vector<std::string> lines = shown_lines(run);
    if (!colour && learned) out += "⟦";
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) out += '\n';
      if (lines[i].empty()) continue;
      if (colour) out += learned ? kGreen : kDim;
      out += lines[i];
      if (colour) out += kEnd;
    }
    if (!colour && learned) out += "⟧";
  }
  return out + '\n';
}

}  // namespace orrery::align
