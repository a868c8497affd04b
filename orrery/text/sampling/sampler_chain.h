// All that a sampler does between logits and the draw.
#pragma once

#include <span>

#include "orrery/text/sampling/candidates.h"
#include "orrery/text/sampling/history.h"
#include "orrery/text/sampling/sampler.h"

namespace orrery::text {

class SamplerChain {
 public:
  SamplerChain(const SamplingOptions& options, const Tokenizer& tokenizer);

  /// Adds a token to the history.
  void accept(TokenId token);
  /// The tokens that may come next with their probabilities, which add up to 1. Overwrites logits. Where the
  /// temperature is 0, the one likeliest token. Throws Error where no logit is finite.
  const Candidates& run(std::span<float> logits);
  /// Tells mirostat which candidate was drawn.
  void drawn(const Candidate& candidate);

  /// The logit that run() was given, of a token that it may have changed.
  float original_logit(TokenId token) const { return edited_.original(token); }

 private:
  void take_likeliest(std::span<const float> logits);
  void filter(std::span<const float> logits);
  float min_p_alone() const;
  void truncate_surprise(std::span<const float> logits);

  SamplingOptions options_;
  Penalties penalties_;
  Dry dry_;
  float mirostat_mu_;
  EditedLogits edited_;
  LogitScan scan_;
  Candidates candidates_;
};

/// Scans logits; throws Error where none is finite.
void scan_or_throw(LogitScan& scan, std::span<const float> logits);

}  // namespace orrery::text
