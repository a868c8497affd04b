// PPO (Schulman et al. 2017) as Ouyang et al. 2022, "InstructGPT", have it, after Ziegler et al. 2019.
#pragma once

#include <memory>
#include <vector>

#include "orrery/align/online.h"
#include "orrery/align/policy_gradient.h"

namespace orrery::align {

/// A token's reward is -kl_coef·KL to the reference, and the answer's score at its last; advantages are generalised
/// ones and whitened; policy and values are clipped. The value head reads the policy's hidden states. Metrics are
/// TRL's: objective/kl, objective/rlhf_reward, objective/scores, policy/approxkl_avg, policy/clipfrac_avg,
/// loss/policy_avg, loss/value_avg, val/ratio, val/clipfrac_avg, objective/kl_coef.
class PpoTask final : public OnlineTask {
 public:
  /// policy.model has a value head. Throws Error for an option that makes no sense.
  PpoTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
          const BatchOptions& batch, const RolloutOptions& rollout, int threads, const PpoOptions& options);

 private:
  void prepare(const Experience& experience, train::Metrics& metrics) override;
  std::vector<size_t> prompts_of(int64_t update) const override;
  double weight(const at::Tensor& mask) const override;
  at::Tensor loss(const Part& part, const Experience& experience, train::Metrics& sums) override;

  const PpoOptions options_;
  double kl_coef_;
  int64_t drawn_ = 0;  // batches
  size_t prompts_ = 0;
  at::Tensor advantages_, returns_;
};

/// Ziegler et al. 2019, sec. 2.2: what kl_coef becomes after `answers` answers whose KL was `kl`.
double adapted_kl_coef(double kl_coef, double kl, int64_t answers, const PpoOptions& options);

}  // namespace orrery::align
