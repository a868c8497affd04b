// The arithmetic of PPO (Schulman et al. 2017) as InstructGPT has it (Ouyang et al. 2022), of RLOO (Ahmadian et al.
// 2024) and of GRPO (Shao et al. 2024). Names and conventions are TRL's. Shapes are [answers, tokens]; a mask is 1
// where a token counts.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/align/options.h"

namespace orrery::align {

/// Estimates of KL(π ‖ π_ref) per token from one draw (Schulman 2020, "Approximating KL Divergence"):
/// k1 = -log r, k2 = (log r)²/2, k3 = r - 1 - log r, with r = π_ref/π.
at::Tensor kl_per_token(KlEstimator estimator, const at::Tensor& log_probs, const at::Tensor& ref_log_probs);

/// Mean of x where the mask is 1.
at::Tensor masked_mean(const at::Tensor& x, const at::Tensor& mask);

/// -kl_coef·kl per token, and each answer's score one token behind its last (at its last where there is no room).
/// scores [answers]; lengths [answers] int64.
at::Tensor token_rewards(const at::Tensor& kl, double kl_coef, const at::Tensor& scores, const at::Tensor& lengths);

/// Generalised advantages (Schulman et al. 2016, eq. 16): A_t = δ_t + γλ A_(t+1), δ_t = r_t + γ V_(t+1) - V_t.
at::Tensor generalized_advantages(const at::Tensor& rewards, const at::Tensor& values, double gamma, double lambda);

/// (x - mean)/√(var + 1e-8) over what counts, with the unbiased variance; 0 elsewhere.
at::Tensor whitened(const at::Tensor& x, const at::Tensor& mask);

/// The clipped objective's negative, averaged over the tokens that count: max(-A r, -A clip(r, 1 - ε, 1 + ε)) with
/// r = e^(log_probs - old_log_probs).
at::Tensor clipped_policy_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                               const at::Tensor& advantages, const at::Tensor& mask, double clip_range);

/// ½ max((V - R)², (clip(V, V_old ± ε) - R)²), averaged.
at::Tensor clipped_value_loss(const at::Tensor& values, const at::Tensor& old_values, const at::Tensor& returns,
                              const at::Tensor& mask, double clip_range);

/// -Σ p log p of logits [..., vocabulary].
at::Tensor entropy_per_token(const at::Tensor& logits);

/// Of rewards [groups·size], group after group: (r - mean)/(std + 1e-4), or r - mean where `scaled` is false.
at::Tensor group_advantages(const at::Tensor& rewards, int64_t group_size, bool scaled);
/// r - mean of the others' in its group.
at::Tensor leave_one_out_advantages(const at::Tensor& rewards, int64_t group_size);

struct GroupLossOptions {
  double epsilon = 0.2, epsilon_high = 0.2;
  double beta = 0;  ///< of the KL to the reference, k3
  GroupMean mean = GroupMean::kAnswers;
  int64_t most_tokens = 0;  ///< of kConstant
};
at::Tensor group_policy_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                             const at::Tensor& ref_log_probs, const at::Tensor& advantages, const at::Tensor& mask,
                             const GroupLossOptions& options);

}  // namespace orrery::align
