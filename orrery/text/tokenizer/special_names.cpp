#include "orrery/text/tokenizer/special_names.h"

#include <algorithm>

namespace orrery::text {

namespace {

constexpr std::string_view kEndNames[] = {"<|eot_id|>",
                                          "<|im_end|>",
                                          "<|end|>",
                                          "<|return|>",
                                          "<|call|>",
                                          "<|flush|>",
                                          "<|calls|>",
                                          "<end_of_turn>",
                                          "<|endoftext|>",
                                          "</s>",
                                          "<|eom_id|>",
                                          "<EOT>",
                                          "_<EOT>",
                                          "[EOT]",
                                          "[EOS]",
                                          "<|end_of_text|>",
                                          "<end_of_utterance>",
                                          "<eos>",
                                          "<turn|>",
                                          "<|tool_response>",
                                          "<｜end▁of▁sentence｜>",
                                          "[e~[",
                                          "<|fim_pad|>",
                                          "<|repo_name|>",
                                          "<|file_sep|>"};

}  // namespace

bool is_end_name(std::string_view piece) {
  return std::find(std::begin(kEndNames), std::end(kEndNames), piece) != std::end(kEndNames);
}

void find_end_of_generation(Tokenizer& tokenizer, std::span<const TokenId> listed) {
  std::vector<TokenId>& ends = tokenizer.end_of_generation;
  ends.assign(listed.begin(), listed.end());
  if (tokenizer.eos) ends.push_back(*tokenizer.eos);
  for (std::string_view name : kEndNames) {
    if (const auto id = tokenizer.find(name); id && tokenizer.is_special(*id)) ends.push_back(*id);
  }
  // o200k_harmony closes each message with <|end|> and the answer with <|return|> or <|call|>; Solar's has <|flush|>
  // and <|calls|>.
  const auto has = [&](std::string_view name) { return tokenizer.find(name).has_value(); };
  if ((has("<|return|>") && has("<|call|>")) || (has("<|flush|>") && has("<|calls|>"))) {
    if (const auto end = tokenizer.find("<|end|>")) std::erase(ends, *end);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  std::erase_if(ends, [&](TokenId id) { return id < 0 || id >= tokenizer.size(); });
}

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return std::binary_search(end_of_generation.begin(), end_of_generation.end(), id);
}

}  // namespace orrery::text
