// Kahneman–Tversky optimisation (Ethayarajh et al. 2024) as a task of the loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orrery/align/answers_task.h"

namespace orrery::align {

/// Each record's one answer is good (desirable) or not. λ σ(β (r - z)) or λ σ(β (z - r)) is maximised, r being log
/// π/π_ref (eq. 7 and 8); z, an estimate of KL(π ‖ π_ref) that no gradient goes through, is the mean over the step's
/// records of log π/π_ref of an answer to another prompt, and not below 0. Metrics are TRL's: kl, rewards/chosen,
/// rewards/rejected, logps/chosen, logps/rejected.
class KtoTask final : public AnswersTask {
 public:
  /// mismatched: the same prompts with other records' answers. reference: [records, 2], of the own and of that answer.
  KtoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records,
          std::vector<AnsweredPrompt> mismatched, std::vector<bool> desirable, at::Tensor reference,
          const BatchOptions& batch, const KtoOptions& options);

  std::vector<double> begin_step(int64_t step) override;

 private:
  at::Tensor losses(const Part& part, train::Metrics& sums) override;
  void add_means(train::Metrics& sums, const std::string& name, const at::Tensor& which, const at::Tensor& log_probs,
                 const at::Tensor& rewards, double count) const;

  const std::vector<AnsweredPrompt> mismatched_;
  const std::vector<bool> desirable_;
  const at::Tensor reference_;
  const KtoOptions options_;
  double kl_ = 0, good_ = 0;  // of the step: the estimate, and how many are desirable
};

/// Each record's prompt with the answer of the one before it, in groups of `group` records in their order; a group's
/// first gets its last one's (as TRL pairs them).
std::vector<AnsweredPrompt> mismatched(const std::vector<AnsweredPrompt>& records, int64_t group);

}  // namespace orrery::align
