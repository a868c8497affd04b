// What pairs of answers say about a policy: DPO and its kin.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/align/options.h"

namespace orrery::align {

/// Throws Error naming the option: exo_pair without label smoothing, robust with half or more, weights of another
/// number.
void check(const PreferenceOptions& options);

/// Σ log p(token) of each pair's answers, all [pairs]; tokens: how many.
struct PairLogProbs {
  at::Tensor policy_chosen, policy_rejected, reference_chosen, reference_rejected;
  at::Tensor chosen_tokens, rejected_tokens;
  /// Of the chosen answers of the whole batch that these pairs are a part of, which the loss `sft` averages over.
  /// 0: these are all.
  double mean_chosen_tokens = 0;
};

/// Each pair's loss [pairs]; combinations are the weighted sum.
at::Tensor preference_losses(const PairLogProbs& pairs, const PreferenceOptions& options);

/// β·(log π - log π_ref) of the chosen and the rejected answers, without gradient: what DPO's implicit reward is.
struct ImplicitRewards {
  at::Tensor chosen, rejected;
};
ImplicitRewards implicit_rewards(const PairLogProbs& pairs, const PreferenceOptions& options);

}  // namespace orrery::align
