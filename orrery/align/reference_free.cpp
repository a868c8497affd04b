#include "orrery/align/reference_free.h"

#include <ATen/ATen.h>

#include <utility>

#include "orrery/nn/log_probs.h"

namespace orrery::align {

namespace {

/// β times the mean log-probabilities, as TRL calls rewards.
void add_rewards(train::Metrics& sums, const at::Tensor& chosen, const at::Tensor& rejected, double beta) {
  add_sum(sums, "rewards/chosen", beta * chosen);
  add_sum(sums, "rewards/rejected", beta * rejected);
  add_sum(sums, "rewards/accuracies", chosen.gt(rejected));
  add_sum(sums, "rewards/margins", beta * (chosen - rejected));
  add_sum(sums, "logps/chosen", chosen);
  add_sum(sums, "logps/rejected", rejected);
}

}  // namespace

at::Tensor log_odds_ratio(const at::Tensor& chosen, const at::Tensor& rejected) {
  return chosen - rejected - (at::log1p(-chosen.exp()) - at::log1p(-rejected.exp()));
}

OrpoTask::OrpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, const BatchOptions& batch,
                   double beta)
    : AnswersTask(std::move(model), std::move(records), batch), beta_(beta) {}

at::Tensor OrpoTask::losses(const Part& part, train::Metrics& sums) {
  const PackedAnswers& packed = part.packed;
  const at::Tensor log_probs = answer_log_probs(model(), part.hidden, packed), means = log_probs / packed.lengths;
  const at::Tensor prompts =
      nn::token_log_probs(part.hidden.index_select(0, packed.prompt_sources), model().head(), packed.prompt_targets);
  double tokens = 0;
  for (const size_t index : step_records())
    tokens += static_cast<double>(record(index).predicted(0)) +
              std::max(0.0, static_cast<double>(record(index).prompt.size()) - 1);
  const auto records = static_cast<double>(step_records().size());
  const at::Tensor nll = -(prompts.sum() + answer(log_probs, 0).sum()) * (records / tokens);
  const at::Tensor odds = log_odds_ratio(answer(means, 0), answer(means, 1)), ratio = at::log_sigmoid(odds);
  add_rewards(sums, answer(means, 0), answer(means, 1), beta_);
  add_sum(sums, "nll_loss", nll);
  add_sum(sums, "log_odds_ratio", ratio);
  add_sum(sums, "log_odds_chosen", odds);
  return nll - beta_ * ratio.sum();
}

SimpoTask::SimpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, const BatchOptions& batch,
                     const SimpoOptions& options)
    : AnswersTask(std::move(model), std::move(records), batch), options_(options) {}

at::Tensor SimpoTask::losses(const Part& part, train::Metrics& sums) {
  const at::Tensor log_probs = answer_log_probs(model(), part.hidden, part.packed);
  const at::Tensor means = log_probs / part.packed.lengths, chosen = answer(means, 0), rejected = answer(means, 1);
  const double beta = options_.beta, smoothing = options_.label_smoothing;
  const at::Tensor x = beta * (chosen - rejected - options_.simpo_gamma / beta);
  const at::Tensor losses = -(1 - smoothing) * at::log_sigmoid(x) - smoothing * at::log_sigmoid(-x);
  add_rewards(sums, chosen, rejected, beta);
  if (options_.cpo_alpha == 0) return losses.sum();
  double tokens = 0;
  for (const size_t index : step_records()) tokens += static_cast<double>(record(index).predicted(0));
  const at::Tensor nll = -answer(log_probs, 0).sum() * (static_cast<double>(step_records().size()) / tokens);
  add_sum(sums, "nll_loss", nll);
  return losses.sum() + options_.cpo_alpha * nll;
}

}  // namespace orrery::align
