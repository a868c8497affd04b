#include "orrery/serve/api/logprobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/serve/api/json_text.h"

namespace orrery::serve {
namespace {

constexpr float kLeast = -9999;  // OpenAI's for what cannot happen: JSON has no infinity

std::string logprob_entry(const text::TokenLogprob& one, const text::Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.bytes(one.token, true);
  std::string numbers;
  for (unsigned char byte : bytes) numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", byte);
  return fmt::format("\"token\":{},\"logprob\":{},\"bytes\":[{}]", json_string(bytes), std::max(one.logprob, kLeast),
                     numbers);
}

}  // namespace

std::string logprobs_json(std::span<const std::vector<text::TokenLogprob>> tokens, const text::Tokenizer& tokenizer) {
  std::string out = "{\"content\":[";
  for (size_t i = 0; i < tokens.size(); ++i) {
    out += fmt::format("{}{{{},\"top_logprobs\":[", i == 0 ? "" : ",", logprob_entry(tokens[i].front(), tokenizer));
    for (size_t j = 1; j < tokens[i].size(); ++j)
      out += fmt::format("{}{{{}}}", j == 1 ? "" : ",", logprob_entry(tokens[i][j], tokenizer));
    out += "]}";
  }
  return out + "],\"refusal\":null}";
}

}  // namespace orrery::serve
