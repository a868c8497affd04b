// The arithmetic of PPO, RLOO and GRPO against TRL's.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/align/policy_gradient.h"
#include "tests/golden/nn_values.h"

namespace orrery::align {

using nn::expect_gradient;
using nn::values;
using text::golden::Expected;
namespace fs = std::filesystem;
namespace {

constexpr float kTolerance = 2e-5f;  // the folder's README

std::vector<fs::path> ppo_folders() {
  std::vector<fs::path> result = text::golden::folders();
  std::erase_if(result, [](const fs::path& folder) { return text::golden::kind_of(folder) != "ppo"; });
  return result;
}

class PpoGolden : public testing::TestWithParam<fs::path> {
 protected:
  at::Tensor in(const char* name) const { return nn::floats(expected_, name); }
  at::Tensor mask(const char* name) const { return nn::integers(expected_, name).to(at::kFloat); }
  double option(const char* name) const { return config_.at(name); }
  void expect(const char* name, const at::Tensor& ours) const {
    text::golden::expect_close(values(ours.contiguous()), expected_.floats(name), kTolerance, name);
  }

  const Expected expected_{GetParam()};
  const nlohmann::json config_ = nlohmann::json::parse(std::ifstream(GetParam() / "config.json"));
};

TEST_P(PpoGolden, RewardsAndAdvantages) {
  const at::Tensor old = in("old_logprobs"), ref = in("ref_logprobs"), counts = mask("mask");
  const at::Tensor k1 = kl_per_token(KlEstimator::kK1, old, ref), k3 = kl_per_token(KlEstimator::kK3, old, ref);
  expect("kl_k1", k1);
  expect("kl_k2", kl_per_token(KlEstimator::kK2, old, ref));
  expect("kl_k3", k3);
  const at::Tensor lengths = nn::integers(expected_, "response_lengths");
  const at::Tensor rewards = token_rewards(k1, option("kl_coef"), in("scores"), lengths);
  expect("rewards", rewards);
  expect("rewards_k3", token_rewards(k3, option("kl_coef"), in("scores"), lengths));
  const at::Tensor raw = generalized_advantages(rewards, in("values"), option("gamma"), option("lam"));
  expect("advantages_raw", raw);
  expect("returns", raw + in("values"));
  expect("advantages", whitened(raw, counts));
}

TEST_P(PpoGolden, LossesAndGradients) {
  const at::Tensor logits = in("logits").set_requires_grad(true), values = in("vpred").set_requires_grad(true);
  const at::Tensor actions = nn::integers(expected_, "actions").unsqueeze(-1), counts = mask("mask");
  const at::Tensor log_probs = at::log_softmax(logits, -1).gather(-1, actions).squeeze(-1);
  expect("new_logprobs", at::where(counts.to(at::kBool), log_probs, at::ones_like(log_probs)));
  const at::Tensor policy =
      clipped_policy_loss(log_probs, in("old_logprobs"), in("advantages"), counts, option("cliprange"));
  expect("policy_loss", policy);
  const at::Tensor value =
      clipped_value_loss(values, in("values"), in("returns"), mask("mask_p1"), option("cliprange_value"));
  expect("value_loss", value);
  const at::Tensor entropy = masked_mean(entropy_per_token(logits), counts);
  expect("entropy", entropy);
  const at::Tensor loss = policy + option("vf_coef") * value;
  expect("loss", loss);
  const at::Tensor whole = loss - option("entropy_coef") * entropy;
  expect("loss_with_entropy", whole);
  whole.backward();
  expect_gradient(logits.grad(), expected_.floats("grad.logits"), 1e-4f, "grad.logits");
  expect_gradient(values.grad(), expected_.floats("grad.vpred"), 1e-4f, "grad.vpred");
}

TEST_P(PpoGolden, Groups) {
  const auto size = static_cast<int64_t>(option("group_size"));
  const at::Tensor rewards = in("group.rewards"), advantages = group_advantages(rewards, size, true);
  expect("grpo.advantages", advantages);
  expect("grpo.advantages_noscale", group_advantages(rewards, size, false));
  expect("rloo.advantages", leave_one_out_advantages(rewards, size));

  const at::Tensor log_probs = in("grpo.logprobs").set_requires_grad(true), counts = mask("grpo.mask");
  GroupLossOptions options{option("grpo_epsilon"), option("grpo_epsilon_high"), option("grpo_beta")};
  const auto loss = [&](GroupMean mean) {
    options.mean = mean;
    return group_policy_loss(log_probs, in("grpo.old_logprobs"), in("grpo.ref_logprobs"), advantages, counts, options);
  };
  expect("grpo.loss_bnpo", loss(GroupMean::kTokens));
  options.most_tokens = counts.size(1);
  expect("grpo.loss_dr", loss(GroupMean::kConstant));
  const at::Tensor mean = loss(GroupMean::kAnswers);
  expect("grpo.loss", mean);
  mean.backward();
  expect_gradient(log_probs.grad(), expected_.floats("grad_grpo.logprobs"), 1e-4f, "grad_grpo.logprobs");
}

INSTANTIATE_TEST_SUITE_P(Align, PpoGolden, testing::ValuesIn(ppo_folders()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PpoGolden);

}  // namespace
}  // namespace orrery::align
