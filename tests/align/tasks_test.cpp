// The tasks that learn from answers: what a step's loss and metrics are, and that it does not depend on how a batch is
// cut.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "orrery/align/dpo.h"
#include "orrery/align/kto.h"
#include "orrery/align/reference_free.h"
#include "orrery/align/reward.h"
#include "tests/text/tiny_model.h"

namespace orrery::align {
namespace {

class Tasks : public testing::Test {
 protected:
  std::shared_ptr<nn::Decoder> model(const nlohmann::json& changes = {}) const {
    text::write_tiny_model(folder_.path(), text::tiny_config(changes));
    return std::make_shared<nn::Decoder>(*text::Checkpoint::open(folder_.path().string()));
  }
  static std::vector<AnsweredPrompt> pairs() {
    std::vector<AnsweredPrompt> all;
    for (int32_t i = 0; i < 6; ++i) all.push_back({{1, 10 + i, 3}, {{40 + i, 41 + i, 2}, {60 + i, 2}}});
    all[2].answers[0].push_back(5);
    all[4].answers[1] = {7, 8, 9, 10, 2};
    return all;
  }
  static BatchOptions batch(int64_t micro_batch_tokens = 2048) {
    return {.per_device_train_batch_size = 6, .micro_batch_tokens = micro_batch_tokens, .shuffle = false};
  }
  static double loss_of(train::Task& task, train::Metrics& means, int64_t step = 0) {
    double loss = 0, total = 0;
    train::Metrics sums;
    const std::vector<double> weights = task.begin_step(step);
    for (size_t i = 0; i < weights.size(); ++i) {
      loss += task.loss_sum(step, i, sums).item<double>();
      total += weights[i];
    }
    for (const auto& [name, sum] : sums) means[name] = sum / total;
    return loss / total;
  }
  /// The same loss and metrics, however the batch is cut.
  template <class Make>
  train::Metrics expect_cuts_change_nothing(const Make& make) {
    train::Metrics whole, cut;
    auto one = make(batch()), many = make(batch(9));
    const double loss = loss_of(*one, whole);
    EXPECT_GT(many->begin_step(0).size(), 2u);
    EXPECT_NEAR(loss_of(*many, cut), loss, 1e-5);
    for (const auto& [name, value] : whole) EXPECT_NEAR(cut.at(name), value, 1e-4) << name;
    whole["loss"] = loss;
    return whole;
  }
  text::TempFolder folder_;
};

TEST_F(Tasks, DpoBeginsAtLogTwoAndReferencesAreKept) {
  const auto decoder = model();
  const Batches batches(6, batch());
  const at::Tensor reference =
      reference_log_probs(*decoder, pairs(), batches, 1, folder_ / "run/reference.safetensors");
  DpoTask task(decoder, pairs(), reference, batch(), {});
  train::Metrics means;
  EXPECT_NEAR(loss_of(task, means), std::log(2), 1e-6);  // the policy is the reference
  EXPECT_NEAR(means.at("rewards/margins"), 0, 1e-5);
  means = expect_cuts_change_nothing([&](const BatchOptions& options) {
    return std::make_unique<DpoTask>(decoder, pairs(), 0.9 * reference, options, PreferenceOptions{});
  });
  EXPECT_LT(means.at("logps/chosen"), -1);
  decoder->parameters().at("model.norm.weight").data().mul_(2);  // the kept numbers are read, not computed again
  const at::Tensor again = reference_log_probs(*decoder, pairs(), batches, 1, folder_ / "run/reference.safetensors");
  EXPECT_TRUE(at::equal(reference, again));
  auto fewer = pairs();
  fewer.pop_back();
  text::expect_contains(
      text::error_of([&] { reference_log_probs(*decoder, fewer, batches, 1, folder_ / "run/reference.safetensors"); }),
      {"reference.safetensors", "[6, 2]", "[5, 2]"});
}

TEST_F(Tasks, DpoLearnsToPrefer) {
  const auto decoder = model();
  const Batches batches(6, batch());
  const at::Tensor reference =
      reference_log_probs(*decoder, pairs(), batches, 1, folder_ / "run/reference.safetensors");
  DpoTask task(decoder, pairs(), reference, batch(), {});
  train::LoopOptions loop{.max_steps = 30, .learning_rate = 1e-3, .output_dir = folder_ / "run"};
  loop.logging_steps = 1;
  train::run(task, loop);
  train::Metrics means;
  EXPECT_LT(loss_of(task, means), 0.3);
  EXPECT_EQ(means.at("rewards/accuracies"), 1);
}

TEST_F(Tasks, LossesOfAllPairsAreNotCut) {
  const auto decoder = model();
  PreferenceOptions options;
  options.losses = {PreferenceLoss::kAot};
  options.reference_free = true;
  DpoTask task(decoder, pairs(), {}, batch(9), options);
  EXPECT_EQ(task.begin_step(0).size(), 1u);
}

TEST_F(Tasks, SftLossOfPairsIsTheMeanOverTheBatchsTokens) {
  const auto decoder = model();
  PreferenceOptions options;
  options.losses = {PreferenceLoss::kSft};
  options.reference_free = true;
  const auto means = expect_cuts_change_nothing(
      [&](const BatchOptions& cut) { return std::make_unique<DpoTask>(decoder, pairs(), at::Tensor(), cut, options); });
  double tokens = 0;
  for (const AnsweredPrompt& pair : pairs()) tokens += static_cast<double>(pair.answers[0].size());
  EXPECT_NEAR(means.at("loss"), -means.at("logps/chosen") * 6 / tokens, 1e-5);
}

TEST_F(Tasks, OrpoAndSimpo) {
  const auto decoder = model();
  auto means = expect_cuts_change_nothing(
      [&](const BatchOptions& cut) { return std::make_unique<OrpoTask>(decoder, pairs(), cut, 0.1); });
  EXPECT_NEAR(means.at("loss"), means.at("nll_loss") - 0.1 * means.at("log_odds_ratio"), 1e-5);
  means = expect_cuts_change_nothing([&](const BatchOptions& cut) {
    return std::make_unique<SimpoTask>(decoder, pairs(), cut, SimpoOptions{.cpo_alpha = 0.5});
  });
  EXPECT_GT(means.at("nll_loss"), 1);
  // (Hong et al. 2024, eq. 4) by hand: p = 0.2 and 0.1 per token.
  const at::Tensor odds = log_odds_ratio(at::tensor({std::log(0.2)}), at::tensor({std::log(0.1)}));
  EXPECT_NEAR(odds.item<double>(), std::log((0.2 / 0.8) / (0.1 / 0.9)), 1e-9);
}

TEST_F(Tasks, KtoHoldsGoodAndBadAnswersAgainstOthers) {
  const auto decoder = model();
  std::vector<AnsweredPrompt> records;
  for (const AnsweredPrompt& pair : pairs()) records.push_back({pair.prompt, {pair.answers[0]}});
  const std::vector<AnsweredPrompt> others = mismatched(records, 4);
  EXPECT_EQ(others[0].answers, records[3].answers);
  EXPECT_EQ(others[1].answers, records[0].answers);
  EXPECT_EQ(others[4].answers, records[5].answers);  // the last group has two
  std::vector<AnsweredPrompt> both = records;
  for (size_t i = 0; i < both.size(); ++i) both[i].answers.push_back(others[i].answers[0]);
  const at::Tensor reference =
      reference_log_probs(*decoder, both, Batches(6, batch()), 1, folder_ / "run/reference.safetensors");
  const auto make = [&](const BatchOptions& cut, const at::Tensor& values) {
    return std::make_unique<KtoTask>(decoder, records, others, std::vector<bool>{true, false, true, true, false, true},
                                     values, cut, KtoOptions{});
  };
  const auto means = expect_cuts_change_nothing([&](const BatchOptions& cut) { return make(cut, reference); });
  EXPECT_NEAR(means.at("loss"), 0.5, 1e-5);
  EXPECT_NEAR(means.at("kl"), 0, 1e-5);
  // A reference that finds all answers less probable: good answers are rewarded, z is 3 as well.
  const auto shifted = expect_cuts_change_nothing([&](const BatchOptions& cut) { return make(cut, reference - 3); });
  EXPECT_NEAR(shifted.at("kl"), 3, 1e-4);
  EXPECT_NEAR(shifted.at("rewards/chosen"), 0.3, 1e-4);
  EXPECT_NEAR(shifted.at("loss"), 0.5, 1e-5);
}

TEST_F(Tasks, RewardsAreReadAtTheLastToken) {
  const auto decoder = model({{"architectures", {"LlamaForSequenceClassification"}}, {"num_labels", 1}});
  const auto means = expect_cuts_change_nothing([&](const BatchOptions& cut) {
    return std::make_unique<RewardTask>(decoder, pairs(), std::vector<float>(6, 0.25f), cut, 0.01);
  });
  double sum = 0;
  for (const AnsweredPrompt& pair : pairs()) {
    double scores[2];
    for (size_t which = 0; which < 2; ++which) {
      std::vector<text::TokenId> row = pair.prompt;
      row.insert(row.end(), pair.answers[which].begin(), pair.answers[which].end());
      const nn::PackedRows rows(std::vector<std::vector<text::TokenId>>{row});
      scores[which] = decoder->logits(decoder->hidden(rows))[rows.size() - 1][0].item<double>();
    }
    sum += std::log1p(std::exp(-(scores[0] - scores[1] - 0.25))) + 0.01 * std::pow(scores[0] + scores[1], 2);
  }
  EXPECT_NEAR(means.at("loss"), sum / 6, 1e-5);
}

}  // namespace
}  // namespace orrery::align
