#include "orrery/align/reward.h"

#include <ATen/ATen.h>

#include <utility>

namespace orrery::align {

RewardTask::RewardTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records,
                       std::vector<float> margins, const BatchOptions& batch, double center)
    : AnswersTask(std::move(model), std::move(records), batch), margins_(std::move(margins)), center_(center) {}

at::Tensor RewardTask::losses(const Part& part, train::Metrics& sums) {
  const at::Tensor scores = model().logits(part.hidden.index_select(0, part.packed.last)).squeeze(-1);
  const at::Tensor chosen = answer(scores, 0), rejected = answer(scores, 1);
  at::Tensor margin;
  if (!margins_.empty()) {
    std::vector<float> own;
    for (const size_t index : part.records) own.push_back(margins_[index]);
    margin = at::tensor(own);
  }
  add_sum(sums, "accuracy", chosen.gt(rejected));
  add_sum(sums, "margin", chosen - rejected);
  add_sum(sums, "mean_reward", scores / 2);  // a record has two
  return reward_losses(chosen, rejected, margin, center_).sum();
}

}  // namespace orrery::align
