#include "orrery/align/group.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::align {

GroupTask::GroupTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
                     const BatchOptions& batch, const RolloutOptions& rollout, int threads, const GroupOptions& options)
    : OnlineTask(std::move(policy), std::move(prompts), std::move(scorer), batch, rollout, threads,
                 options.num_iterations),
      options_(options) {
  if (rollout.num_generations < 2)
    throw Error({.doing = "hold answers against each other",
                 .where = "num_generations",
                 .found = fmt::format("{}", rollout.num_generations),
                 .expected = "2 or more"});
}

void GroupTask::prepare(const Experience& experience, train::Metrics& metrics) {
  const int64_t size = rollout().num_generations;
  advantages_ = group_advantages(experience.scores, size, options_.scale_rewards);
  prompts_ = experience.prompts.size();
  metrics["reward"] = experience.scores.mean().item<double>();
  metrics["reward_std"] = experience.scores.view({-1, size}).std(1, true).mean().item<double>();
}

std::vector<size_t> GroupTask::prompts_of(int64_t) const {
  std::vector<size_t> all(prompts_);
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

double GroupTask::weight(const at::Tensor& mask) const {
  switch (options_.mean) {
    case GroupMean::kAnswers:
      return static_cast<double>(mask.size(0));
    case GroupMean::kTokens:
      return mask.sum().item<double>();
    case GroupMean::kConstant:
      return static_cast<double>(mask.size(0) * rollout().response_length);
  }
  return 0;
}

at::Tensor GroupTask::loss(const Part& part, const Experience& experience, train::Metrics& sums) {
  const auto rows = [&](const at::Tensor& x) { return x.index_select(0, at::tensor(part.rows)); };
  const double count = weight(part.mask);
  const at::Tensor old_log_probs = rows(experience.log_probs), ref_log_probs = rows(experience.ref_log_probs);
  sums["kl"] +=
      masked_mean(kl_per_token(KlEstimator::kK3, part.log_probs.detach(), ref_log_probs), part.mask).item<double>() *
      count;
  return group_policy_loss(part.log_probs, old_log_probs, ref_log_probs, rows(advantages_), part.mask,
                           {.epsilon = options_.epsilon,
                            .epsilon_high = options_.epsilon_high,
                            .beta = options_.beta,
                            .mean = options_.mean,
                            .most_tokens = rollout().response_length}) *
         count;
}

void RlooTask::prepare(const Experience& experience, train::Metrics& metrics) {
  GroupTask::prepare(experience, metrics);
  const at::Tensor kl =
      (kl_per_token(KlEstimator::kK1, experience.log_probs, experience.ref_log_probs) * experience.mask).sum(1);
  const at::Tensor rewards = experience.scores - options_.beta * kl;
  advantages_ = leave_one_out_advantages(rewards, rollout().num_generations);
  metrics["kl"] = kl.mean().item<double>();
  metrics["objective/rlhf_reward"] = rewards.mean().item<double>();
}

double RlooTask::weight(const at::Tensor& mask) const { return static_cast<double>(mask.size(0)); }

at::Tensor RlooTask::loss(const Part& part, const Experience& experience, train::Metrics&) {
  const auto rows = [&](const at::Tensor& x) { return x.index_select(0, at::tensor(part.rows)); };
  const at::Tensor ratio =
      ((part.log_probs - rows(experience.log_probs)) * part.mask).sum(1).exp();  // of whole answers
  const at::Tensor advantages = rows(advantages_);
  const at::Tensor clipped = ratio.clamp(1 - options_.epsilon, 1 + options_.epsilon_high);
  return -at::minimum(ratio * advantages, clipped * advantages).sum();
}

}  // namespace orrery::align
