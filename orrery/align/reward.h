// Reward models (Ouyang et al. 2022, sec. 3.5) as a task of the loop.
#pragma once

#include <memory>
#include <vector>

#include "orrery/align/answers_task.h"
#include "orrery/align/reward_loss.h"

namespace orrery::align {

/// Each record has two answers, the chosen one first; the model's head is one score, read at an answer's last token.
/// Metrics are TRL's: accuracy, margin, mean_reward.
class RewardTask final : public AnswersTask {
 public:
  /// margins: of each record, or empty. center: see reward_losses().
  RewardTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, std::vector<float> margins,
             const BatchOptions& batch, double center);

 private:
  at::Tensor losses(const Part& part, train::Metrics& sums) override;

  const std::vector<float> margins_;
  const double center_;
};

}  // namespace orrery::align
