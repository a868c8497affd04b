#include "orrery/align/encoded.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"

namespace orrery::align {

std::vector<text::TokenId> encoded(const std::string& text, const text::Tokenizer& tokenizer) {
  std::vector<text::TokenId> tokens = tokenizer.encode(text);
  if (tokenizer.add_eos && !tokens.empty() && tokens.back() == tokenizer.eos) tokens.pop_back();
  return tokens;
}

std::vector<text::TokenId> encoded_to_the_end(const std::string& text, const text::Tokenizer& tokenizer) {
  std::vector<text::TokenId> tokens = encoded(text, tokenizer);
  if (tokenizer.eos && (tokens.empty() || tokens.back() != *tokenizer.eos)) tokens.push_back(*tokenizer.eos);
  return tokens;
}

size_t common_prefix(const std::vector<text::TokenId>& a, const std::vector<text::TokenId>& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void refuse_record(int64_t place, std::string found, std::string expected) {
  throw Error({.doing = "find what is to be learned",
               .where = fmt::format("row {}", place),
               .found = std::move(found),
               .expected = std::move(expected)});
}

}  // namespace orrery::align
