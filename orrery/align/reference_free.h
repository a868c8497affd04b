// Preference losses that know no reference model, as tasks of the loop: ORPO and SimPO.
#pragma once

#include <memory>
#include <vector>

#include "orrery/align/answers_task.h"

namespace orrery::align {

/// log (p/(1 - p)) of chosen over rejected, p being an answer's probability per token: [pairs] (Hong et al. 2024,
/// "ORPO", eq. 4).
at::Tensor log_odds_ratio(const at::Tensor& chosen, const at::Tensor& rejected);

/// Hong et al. 2024, eq. 6: the negative log-likelihood of prompts with their chosen answers, per token of the whole
/// batch, and -β log σ(log odds ratio). Metrics are TRL's: rewards/…, nll_loss, log_odds_ratio, log_odds_chosen.
class OrpoTask final : public AnswersTask {
 public:
  OrpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, const BatchOptions& batch,
           double beta);

 private:
  at::Tensor losses(const Part& part, train::Metrics& sums) override;

  const double beta_;
};

/// Meng et al. 2024, "SimPO", eq. 6: -log σ(β (log p(chosen)/|chosen| - log p(rejected)/|rejected|) - γ), and
/// cpo_alpha times the chosen answers' negative log-likelihood, per token of the whole batch (0 in the paper).
class SimpoTask final : public AnswersTask {
 public:
  SimpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, const BatchOptions& batch,
            const SimpoOptions& options);

 private:
  at::Tensor losses(const Part& part, train::Metrics& sums) override;

  const SimpoOptions options_;
};

}  // namespace orrery::align
