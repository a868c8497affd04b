// GRPO (Shao et al. 2024) and RLOO (Ahmadian et al. 2024): an answer is held against the others to its prompt, and
// there is no value head.
#pragma once

#include <memory>
#include <vector>

#include "orrery/align/online.h"
#include "orrery/align/policy_gradient.h"

namespace orrery::align {

/// Metrics are TRL's: reward, reward_std, kl, completions/mean_length.
class GroupTask : public OnlineTask {
 public:
  /// rollout.num_generations is 2 or more; Error otherwise.
  GroupTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
            const BatchOptions& batch, const RolloutOptions& rollout, int threads, const GroupOptions& options);

 protected:
  void prepare(const Experience& experience, train::Metrics& metrics) override;
  std::vector<size_t> prompts_of(int64_t update) const override;
  double weight(const at::Tensor& mask) const override;
  at::Tensor loss(const Part& part, const Experience& experience, train::Metrics& sums) override;

  const GroupOptions options_;
  at::Tensor advantages_;  // [answers]

 private:
  size_t prompts_ = 0;
};

/// The KL is a part of the reward, advantages leave the answer itself out of its group's mean, and ratios are those of
/// whole answers, clipped as PPO's are (num_iterations 1: REINFORCE).
class RlooTask final : public GroupTask {
 public:
  using GroupTask::GroupTask;

 private:
  void prepare(const Experience& experience, train::Metrics& metrics) override;
  double weight(const at::Tensor& mask) const override;
  at::Tensor loss(const Part& part, const Experience& experience, train::Metrics& sums) override;
};

}  // namespace orrery::align
