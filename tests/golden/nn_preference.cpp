// DPO and its kin, and reward models, against the original implementations.
#include <gtest/gtest.h>

#include "orrery/align/preference_loss.h"
#include "orrery/align/reward_loss.h"
#include "orrery/nn/decoder.h"
#include "orrery/nn/log_probs.h"
#include "tests/golden/nn_values.h"

namespace orrery::nn {

using align::PreferenceLoss;
using text::golden::expect_close;
using text::golden::Expected;
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> folders_of(const char* kind) {
  std::vector<fs::path> result = text::golden::folders();
  std::erase_if(result, [&](const fs::path& folder) { return text::golden::kind_of(folder) != kind; });
  return result;
}

class DpoGolden : public testing::TestWithParam<fs::path> {
 protected:
  struct Answers {
    at::Tensor sums, tokens;  // [pairs]
  };
  /// Σ log p of the tokens that SIDE_labels names, and how many they are.
  Answers answers(Decoder& model, const std::string& side) const {
    const PackedRows rows = rows_without_padding(expected_, side);
    std::vector<at::Tensor> labels;
    const at::Tensor all = integers(expected_, side + "_labels");
    for (int64_t row = 0; row < rows.rows(); ++row)
      labels.push_back(all[row].narrow(0, 0, rows.offsets[row + 1] - rows.offsets[row]));
    const at::Tensor targets = next_tokens(at::cat(labels), rows);
    const at::Tensor log_probs = token_log_probs(model.hidden(rows), model.head(), targets);
    std::vector<at::Tensor> sums, tokens;
    for (int64_t row = 0; row < rows.rows(); ++row) {
      const int64_t first = rows.offsets[row], count = rows.offsets[row + 1] - first;
      sums.push_back(log_probs.narrow(0, first, count).sum());
      tokens.push_back(targets.narrow(0, first, count).ne(kIgnored).sum());
    }
    return {at::stack(sums), at::stack(tokens)};
  }
  align::PairLogProbs pairs() {
    const Answers chosen = answers(policy_, "chosen"), rejected = answers(policy_, "rejected");
    return {chosen.sums,
            rejected.sums,
            answers(reference_, "chosen").sums.detach(),
            answers(reference_, "rejected").sums.detach(),
            chosen.tokens,
            rejected.tokens};
  }
  align::PreferenceOptions options(PreferenceLoss loss, double smoothing = 0) const {
    return {.losses = {loss}, .beta = expected_.floats("beta").at(0), .label_smoothing = smoothing};
  }
  double smoothing() const { return expected_.floats("label_smoothing").at(0); }
  void expect_gradients(const std::string& prefix) {
    int compared = 0;
    for (const std::string& name : expected_.names()) {
      if (!name.starts_with(prefix + ".")) continue;
      expect_gradient(policy_.parameters().at(name.substr(prefix.size() + 1)).grad(), expected_.floats(name), 1e-3f,
                      name.c_str());
      ++compared;
    }
    EXPECT_GT(compared, 0) << prefix;
  }

  const Expected expected_{GetParam()};
  Decoder policy_{*text::Checkpoint::open(GetParam().string())};
  Decoder reference_{*text::Checkpoint::open((GetParam() / "reference.safetensors").string())};
};

TEST_P(DpoGolden, LogProbabilities) {
  const align::PairLogProbs pairs = this->pairs();
  expect_close(values(pairs.policy_chosen), expected_.floats("policy_chosen_logps"), 2e-4f, "policy, chosen");
  expect_close(values(pairs.policy_rejected), expected_.floats("policy_rejected_logps"), 2e-4f, "policy, rejected");
  expect_close(values(pairs.reference_chosen), expected_.floats("reference_chosen_logps"), 2e-4f, "reference, chosen");
  expect_close(values(pairs.reference_rejected), expected_.floats("reference_rejected_logps"), 2e-4f,
               "reference, rejected");
  const align::ImplicitRewards rewards = align::implicit_rewards(pairs, options(PreferenceLoss::kSigmoid));
  expect_close(values(rewards.chosen), expected_.floats("chosen_rewards"), 5e-5f, "chosen rewards");
  expect_close(values(rewards.rejected), expected_.floats("rejected_rewards"), 5e-5f, "rejected rewards");
}

TEST_P(DpoGolden, Losses) {
  const align::PairLogProbs pairs = this->pairs();
  const auto expect = [&](const char* name, const align::PreferenceOptions& options, float tolerance) {
    const std::vector<float> theirs = expected_.floats(std::string("losses.") + name);
    const float largest = std::abs(*std::ranges::max_element(theirs, {}, [](float x) { return std::abs(x); }));
    expect_close(values(align::preference_losses(pairs, options).contiguous()), theirs,
                 std::max(tolerance, tolerance == 5e-5f ? 0 : tolerance * largest), name);
  };
  expect("sigmoid", options(PreferenceLoss::kSigmoid), 5e-5f);
  expect("cdpo", options(PreferenceLoss::kSigmoid, smoothing()), 5e-5f);
  expect("robust", options(PreferenceLoss::kRobust, smoothing()), 5e-5f);
  expect("hinge", options(PreferenceLoss::kHinge), 5e-5f);
  expect("ipo_avg", options(PreferenceLoss::kIpo), 1e-3f);
  align::PreferenceOptions free = options(PreferenceLoss::kSigmoid);
  free.reference_free = true;
  expect("reference_free", free, 5e-5f);
}

TEST_P(DpoGolden, Gradients) {
  for (const auto& [prefix, options] : {std::pair("grad", options(PreferenceLoss::kSigmoid)),
                                        std::pair("grad_cdpo", options(PreferenceLoss::kSigmoid, smoothing())),
                                        std::pair("grad_ipo_avg", options(PreferenceLoss::kIpo))}) {
    for (const auto& [name, tensor] : policy_.parameters().all()) tensor.mutable_grad() = at::Tensor();
    align::preference_losses(pairs(), options).mean().backward();
    expect_gradients(prefix);
  }
}

class RewardModelGolden : public testing::TestWithParam<fs::path> {
 protected:
  /// The head's output at each row's last token.
  at::Tensor rewards(const std::string& side) {
    const PackedRows rows = rows_without_padding(expected_, side);
    std::vector<int64_t> last;
    for (int64_t row = 0; row < rows.rows(); ++row) last.push_back(rows.offsets[row + 1] - 1);
    return model_.logits(model_.hidden(rows).index_select(0, at::tensor(last))).squeeze(-1);
  }
  const Expected expected_{GetParam()};
  Decoder model_{*text::Checkpoint::open(GetParam().string())};
};

TEST_P(RewardModelGolden, RewardsLossesAndGradients) {
  const at::Tensor chosen = rewards("chosen"), rejected = rewards("rejected");
  expect_close(values(chosen), expected_.floats("chosen_rewards"), 5e-5f, "chosen");
  expect_close(values(rejected), expected_.floats("rejected_rewards"), 5e-5f, "rejected");
  const at::Tensor losses = align::reward_losses(chosen, rejected, {}, 0);
  expect_close(values(losses), expected_.floats("losses"), 5e-5f, "losses");
  const auto mean = [](const at::Tensor& x) { return x.mean().item<float>(); };
  EXPECT_NEAR(mean(align::reward_losses(chosen, rejected, floats(expected_, "margin"), 0)),
              expected_.floats("loss_margin").at(0), 5e-5);
  const double center = expected_.floats("center_rewards_coefficient").at(0);
  EXPECT_NEAR(mean(align::reward_losses(chosen, rejected, {}, center)), expected_.floats("loss_centered").at(0), 5e-5);

  losses.mean().backward();
  for (const std::string& name : expected_.names())
    if (name.starts_with("grad."))
      expect_gradient(model_.parameters().at(name.substr(5)).grad(), expected_.floats(name), 1e-3f, name.c_str());
}

std::string folder_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Nn, DpoGolden, testing::ValuesIn(folders_of("dpo")), folder_name);
INSTANTIATE_TEST_SUITE_P(Nn, RewardModelGolden, testing::ValuesIn(folders_of("reward-model")), folder_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DpoGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RewardModelGolden);

}  // namespace
}  // namespace orrery::nn
