#include "orrery/align/ppo.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "orrery/base/random.h"

namespace orrery::align {

double adapted_kl_coef(double kl_coef, double kl, int64_t answers, const PpoOptions& options) {
  const double error = std::clamp(kl / options.target_kl - 1, -0.2, 0.2);
  return kl_coef * (1 + error * static_cast<double>(answers) / options.horizon);
}

PpoTask::PpoTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
                 const BatchOptions& batch, const RolloutOptions& rollout, int threads, const PpoOptions& options)
    : OnlineTask(std::move(policy), std::move(prompts), std::move(scorer), batch, rollout, threads,
                 options.num_ppo_epochs * options.num_mini_batches),
      options_(options),
      kl_coef_(options.kl_coef) {}

void PpoTask::prepare(const Experience& experience, train::Metrics& metrics) {
  const at::Tensor& mask = experience.mask;
  at::Tensor scores = experience.scores.clone();
  for (size_t i = 0; i < experience.ended.size(); ++i)
    if (!experience.ended[i]) scores[static_cast<int64_t>(i)] -= options_.missing_eos_penalty;
  const at::Tensor kl = kl_per_token(options_.kl_estimator, experience.log_probs, experience.ref_log_probs) * mask;
  at::Tensor rewards = token_rewards(kl, kl_coef_, scores, experience.lengths - 1);  // at an answer's last token
  if (options_.whiten_rewards) {
    const at::Tensor mean = masked_mean(rewards, mask);
    rewards = (whitened(rewards, mask) + mean) * mask;  // the mean stays
  }
  const at::Tensor advantages = generalized_advantages(rewards, experience.values, options_.gamma, options_.lam) * mask;
  returns_ = advantages + experience.values;
  advantages_ = whitened(advantages, mask);
  prompts_ = experience.prompts.size();
  ++drawn_;
  const double mean_kl = kl.sum(1).mean().item<double>();
  metrics["objective/kl"] = mean_kl;
  metrics["objective/rlhf_reward"] = rewards.sum(1).mean().item<double>();
  metrics["objective/non_score_reward"] = -kl_coef_ * mean_kl;
  metrics["objective/kl_coef"] = kl_coef_;
  if (options_.adap_kl_ctrl) kl_coef_ = adapted_kl_coef(kl_coef_, mean_kl, mask.size(0), options_);
}

/// Each epoch goes through the batch in an order of its own.
std::vector<size_t> PpoTask::prompts_of(int64_t update) const {
  const int64_t epoch = update / options_.num_mini_batches, number = update % options_.num_mini_batches;
  const auto order =
      RandomStream(batch().seed, fmt::format("order of batch {}, epoch {}", drawn_, epoch)).permutation(prompts_);
  const auto cut = [&](int64_t part) {
    return order.begin() + static_cast<std::ptrdiff_t>(prompts_) * part / options_.num_mini_batches;
  };
  return {cut(number), cut(number + 1)};
}

double PpoTask::weight(const at::Tensor& mask) const { return mask.sum().item<double>(); }

at::Tensor PpoTask::loss(const Part& part, const Experience& experience, train::Metrics& sums) {
  const auto rows = [&](const at::Tensor& x) { return x.index_select(0, at::tensor(part.rows)); };
  const at::Tensor &mask = part.mask, old_log_probs = rows(experience.log_probs), old_values = rows(experience.values);
  const at::Tensor values =
      padded(model().values(part.hidden.index_select(0, part.packed.sources)), part.packed, mask.size(1));
  const at::Tensor policy_loss =
      clipped_policy_loss(part.log_probs, old_log_probs, rows(advantages_), mask, options_.cliprange);
  const at::Tensor value_loss = clipped_value_loss(values, old_values, rows(returns_), mask, options_.cliprange_value);

  const at::NoGradGuard without_gradients;
  const at::Tensor log_ratio = part.log_probs - old_log_probs;
  const double tokens = mask.sum().item<double>();
  const auto add = [&](const char* name, const at::Tensor& mean) { sums[name] += mean.item<double>() * tokens; };
  add("loss/policy_avg", policy_loss);
  add("loss/value_avg", value_loss);
  add("policy/approxkl_avg", masked_mean(0.5 * log_ratio.square(), mask));
  add("policy/clipfrac_avg", masked_mean((log_ratio.exp() - 1).abs().gt(options_.cliprange).to(at::kFloat), mask));
  add("val/clipfrac_avg", masked_mean((values - old_values).abs().gt(options_.cliprange_value).to(at::kFloat), mask));
  add("val/ratio", masked_mean(log_ratio.exp(), mask));
  const at::AutoGradMode with_gradients(true);
  return (policy_loss + options_.vf_coef * value_loss) * tokens;
}

}  // namespace orrery::align
