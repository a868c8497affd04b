// The tokens with which code models are asked to fill a gap (Bavarian et al. 2022, "Efficient Training of Language
// Models to Fill in the Middle").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

struct FimTokens {
  enum class Order {
    kPsm,  ///< prefix token, prefix, suffix token, suffix, middle token
    kSpm,  ///< suffix token, suffix, prefix token, prefix, middle token
  };

  TokenId prefix = -1, suffix = -1;
  std::optional<TokenId> middle;  ///< absent: the answer follows the prefix (Codestral)
  std::optional<TokenId> pad, repo, file;
  std::string repo_end;  ///< behind a repository's name: a newline, or nothing (StarCoder)
  Order order = Order::kPsm;
  std::vector<TokenId> ends;  ///< every token that ends the answer: the model's usual ones and these; ascending
};

/// From GGUF metadata (Tokenizer::fim) where that names them, else by the pieces that code models have: Qwen-Coder,
/// CodeGemma, StarCoder 1 and 2, SantaCoder, Granite, Stable Code, Code Llama, DeepSeek-Coder, GLM, Falcon-H1,
/// Codestral, Seed-Coder. The order is that of the model whose pieces they are; models that took over another's pieces
/// and another order (JetBrains' Mellum: StarCoder's, kSpm) cannot be told from them.
/// Throws Error that lists what was looked for where the vocabulary has no such tokens.
FimTokens find_fim_tokens(const Tokenizer& tokenizer);

}  // namespace orrery::text
