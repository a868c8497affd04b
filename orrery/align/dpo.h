// Direct preference optimisation (Rafailov et al. 2023) and its kin as a task of the loop.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "orrery/align/answers_task.h"
#include "orrery/align/preference_loss.h"

namespace orrery::align {

/// Σ log p of each record's answers under the model that the run starts with, [records, answers] float32; NaN for
/// records that no step before `steps` sees. Kept in `file`, where a run that is resumed finds it; Error where that
/// holds other records' numbers. `quiet`: no progress on standard error.
at::Tensor reference_log_probs(nn::Decoder& model, const std::vector<AnsweredPrompt>& records, const Batches& batches,
                               int64_t steps, const std::filesystem::path& file, bool quiet = false);

/// Each record has two answers, the chosen one first. Metrics are TRL's: rewards/chosen, rewards/rejected,
/// rewards/accuracies, rewards/margins, logps/chosen, logps/rejected.
class DpoTask final : public AnswersTask {
 public:
  /// Throws Error for options that make no loss (check()). The reference may be undefined with reference_free.
  DpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, at::Tensor reference,
          const BatchOptions& batch, const PreferenceOptions& options);

 private:
  at::Tensor losses(const Part& part, train::Metrics& sums) override;

  const at::Tensor reference_;
  const PreferenceOptions options_;
};

}  // namespace orrery::align
