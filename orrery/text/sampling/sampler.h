// From logits to a token: the samplers of llama.cpp, in its documented order and meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

class Grammar;

/// Defaults and meanings are llama.cpp's. Order: grammar mask, logit bias, penalties, DRY, top-n-sigma, top-k, typical,
/// top-p, min-p, temperature, draw. Where an option is off its step costs nothing.
struct SamplingOptions {
  float temperature = 0.8f;  ///< 0 or less takes the likeliest token; of equals the lowest id
  int32_t top_k = 40;        ///< 0 or less keeps all
  float top_p = 0.95f;       ///< 1 keeps all (Holtzman et al. 2020)
  float min_p = 0.05f;       ///< 0 keeps all (Nguyen et al. 2024)
  float top_n_sigma =
      -1.0f;               ///< keeps logits within n deviations of the largest; 0 or less keeps all (Tang et al. 2024)
  float typical_p = 1.0f;  ///< 1 keeps all (Meister et al. 2022)
  float repeat_penalty = 1.0f;      ///< 1 is off (Keskar et al. 2019)
  float frequency_penalty = 0.0f;   ///< OpenAI's
  float presence_penalty = 0.0f;    ///< OpenAI's
  int32_t penalty_last_n = 64;      ///< tokens looked back at; 0 off, -1 all
  float dry_multiplier = 0.0f;      ///< 0 is off
  float dry_base = 1.75f;           ///< a token that would extend a repeat of `length` tokens loses
  int32_t dry_allowed_length = 2;   ///< multiplier · base^(length − allowed_length), for length >= allowed_length
  int32_t dry_penalty_last_n = 64;  ///< tokens looked back at; 0 off, -1 all
  /// A repeat does not reach over one of these; each has 1 to 40 bytes.
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};
  int32_t mirostat = 0;       ///< 2 turns mirostat 2.0 on in place of top-n-sigma … min-p (Basu et al. 2021)
  float mirostat_tau = 5.0f;  ///< the surprise, in bits, that mirostat steers to
  float mirostat_eta = 0.1f;  ///< how fast
  std::vector<std::pair<TokenId, float>> logit_bias;  ///< added to the logit; -inf forbids
  std::optional<uint64_t> seed;                       ///< absent: drawn from the system
  int32_t min_keep = 1;                               ///< what top-p, min-p and typical leave at least
};

struct TokenLogprob {
  TokenId token;
  float logprob;  ///< natural log of the softmax of the logits before all samplers, after the grammar's mask
};

/// One sequence's sampler: options, random stream "sampler" (base/random.h), history. The same seed, tokens and logits
/// give the same answer. Allocates nothing per token after warm-up. Not shared between threads.
class Sampler {
 public:
  /// Throws Error naming the option for values without meaning (NaN, top_p < 0, mirostat 1, a bias for no token, …).
  Sampler(const SamplingOptions& options, const Tokenizer& tokenizer, std::unique_ptr<Grammar> grammar = nullptr);
  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;
  ~Sampler();

  /// Tells the history (penalties, DRY) about prompt tokens; the grammar does not see them.
  void accept_prompt(std::span<const TokenId> tokens);
  /// Draws a token and accepts it, in the history and in the grammar. logits [vocab]; overwritten. `logprobs`, where
  /// given, is set to the drawn token first, then the `top` likeliest ones. Throws Error where no token has a finite
  /// logit.
  TokenId sample(std::span<float> logits, int32_t top = 0, std::vector<TokenLogprob>* logprobs = nullptr);
  /// True when the grammar allows nothing more but the end.
  bool finished() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::text
