#include "orrery/align/policy_gradient.h"

#include <vector>

namespace orrery::align {

at::Tensor kl_per_token(KlEstimator estimator, const at::Tensor& log_probs, const at::Tensor& ref_log_probs) {
  const at::Tensor log_ratio = ref_log_probs - log_probs;
  switch (estimator) {
    case KlEstimator::kK1:
      return -log_ratio;
    case KlEstimator::kK2:
      return log_ratio.square() / 2;
    case KlEstimator::kK3:
      return at::expm1(log_ratio) - log_ratio;
  }
  return {};
}

at::Tensor masked_mean(const at::Tensor& x, const at::Tensor& mask) { return (x * mask).sum() / mask.sum(); }

at::Tensor token_rewards(const at::Tensor& kl, double kl_coef, const at::Tensor& scores, const at::Tensor& lengths) {
  const at::Tensor behind = at::where(lengths.lt(kl.size(1)), lengths, lengths - 1);
  return (-kl_coef * kl).scatter_add(1, behind.unsqueeze(1), scores.unsqueeze(1));
}

at::Tensor generalized_advantages(const at::Tensor& rewards, const at::Tensor& values, double gamma, double lambda) {
  const int64_t tokens = rewards.size(1);
  std::vector<at::Tensor> advantages(tokens);
  at::Tensor next_value = at::zeros_like(values.select(1, 0)), next_advantage = next_value;
  for (int64_t t = tokens - 1; t >= 0; --t) {
    const at::Tensor value = values.select(1, t);
    const at::Tensor delta = rewards.select(1, t) + gamma * next_value - value;
    next_advantage = advantages[t] = delta + gamma * lambda * next_advantage;
    next_value = value;
  }
  return at::stack(advantages, 1);
}

at::Tensor whitened(const at::Tensor& x, const at::Tensor& mask) {
  const at::Tensor mean = masked_mean(x, mask), count = mask.sum();
  const at::Tensor variance = masked_mean((x - mean).square(), mask) * count / (count - 1).clamp_min(1);
  return (x - mean) * at::rsqrt(variance + 1e-8) * mask;
}

at::Tensor clipped_policy_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                               const at::Tensor& advantages, const at::Tensor& mask, double clip_range) {
  const at::Tensor ratio = at::exp(log_probs - old_log_probs);
  const at::Tensor clipped = ratio.clamp(1 - clip_range, 1 + clip_range);
  return masked_mean(at::maximum(-advantages * ratio, -advantages * clipped), mask);
}

at::Tensor clipped_value_loss(const at::Tensor& values, const at::Tensor& old_values, const at::Tensor& returns,
                              const at::Tensor& mask, double clip_range) {
  const at::Tensor clipped = at::clamp(values, old_values - clip_range, old_values + clip_range);
  return 0.5 * masked_mean(at::maximum((values - returns).square(), (clipped - returns).square()), mask);
}

at::Tensor entropy_per_token(const at::Tensor& logits) {
  const at::Tensor log_p = at::log_softmax(logits, -1);
  return -(log_p.exp() * log_p).sum(-1);
}

at::Tensor group_advantages(const at::Tensor& rewards, int64_t group_size, bool scaled) {
  const at::Tensor groups = rewards.view({-1, group_size}), away = groups - groups.mean(1, true);
  return (scaled ? away / (groups.std(1, true, true) + 1e-4) : away).view({-1});
}

at::Tensor leave_one_out_advantages(const at::Tensor& rewards, int64_t group_size) {
  const at::Tensor groups = rewards.view({-1, group_size});
  const at::Tensor others = (groups.sum(1, true) - groups) / static_cast<double>(group_size - 1);
  return (groups - others).view({-1});
}

at::Tensor group_policy_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                             const at::Tensor& ref_log_probs, const at::Tensor& advantages, const at::Tensor& mask,
                             const GroupLossOptions& options) {
  const at::Tensor ratio = at::exp(log_probs - old_log_probs), advantage = advantages.unsqueeze(1);
  const at::Tensor clipped = ratio.clamp(1 - options.epsilon, 1 + options.epsilon_high);
  at::Tensor losses = -at::minimum(ratio * advantage, clipped * advantage);
  if (options.beta != 0) losses = losses + options.beta * kl_per_token(KlEstimator::kK3, log_probs, ref_log_probs);
  switch (options.mean) {
    case GroupMean::kAnswers:
      return ((losses * mask).sum(1) / mask.sum(1).clamp_min(1)).mean();
    case GroupMean::kTokens:
      return (losses * mask).sum() / mask.sum().clamp_min(1);
    case GroupMean::kConstant:
      return (losses * mask).sum() / static_cast<double>(mask.size(0) * options.most_tokens);
  }
  return {};
}

}  // namespace orrery::align
