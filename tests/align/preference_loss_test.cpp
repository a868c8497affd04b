// Losses that no golden folder has: numbers from the papers' equations, worked out apart from this code in float64.
#include "orrery/align/preference_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/text/tiny_model.h"

namespace orrery::align {
namespace {

PairLogProbs pair_log_probs() {
  return {.policy_chosen = at::tensor({-12.0f, -30.5f, -7.25f}),
          .policy_rejected = at::tensor({-14.5f, -29.0f, -9.0f}),
          .reference_chosen = at::tensor({-13.0f, -29.5f, -8.0f}),
          .reference_rejected = at::tensor({-13.5f, -30.0f, -8.5f}),
          .chosen_tokens = at::tensor({6L, 15L, 4L}),
          .rejected_tokens = at::tensor({7L, 12L, 5L})};
}

PreferenceOptions options_of(const char* name) {
  return {.losses = {from_name(kPreferenceLossNames, "loss_type", name)}, .beta = 0.3, .label_smoothing = 0.1};
}

void expect_losses(const at::Tensor& ours, const std::vector<float>& theirs, const char* what) {
  for (int64_t i = 0; i < 3; ++i) EXPECT_NEAR(ours[i].item<float>(), theirs[i], 2e-6 * (1 + theirs[i])) << what << i;
}

TEST(PreferenceLoss, EqualsThePapersEquations) {
  const std::pair<const char*, std::vector<float>> expected[] = {
      {"sigmoid_norm", {0.6570817f, 0.7114003f, 0.6595768f}}, {"exo_pair", {0.233839f, 0.8739183f, 0.3244902f}},
      {"nca_pair", {1.25871f, 1.55871f, 1.303422f}},          {"bco_pair", {1.10871f, 1.70871f, 1.207919f}},
      {"sppo_hard", {0.8888889f, 14.22222f, 2.201389f}},      {"aot", {0.977488f, 0.5606233f, 0.497488f}},
      {"aot_unpaired", {0.6931472f, 0.5606233f, 0.6931472f}}, {"apo_zero", {0.851115f, 1.148885f, 0.9065563f}},
      {"apo_down", {0.9287862f, 1.071214f, 0.9633473f}},      {"discopop", {0.548811f, 1.037493f, 0.6871985f}}};
  for (const auto& [name, losses] : expected)
    expect_losses(preference_losses(pair_log_probs(), options_of(name)).contiguous(), losses, name);
  EXPECT_NEAR(preference_losses(pair_log_probs(), options_of("sft")).mean().item<float>(), 1.99,
              2e-6);  // the batch's alone
}

TEST(PreferenceLoss, OfOtherDivergences) {
  PreferenceOptions options{.beta = 0.3};
  options.divergence = Divergence::kForwardKl;
  expect_losses(preference_losses(pair_log_probs(), options), {0.4014898f, 1.106611f, 0.5321817f}, "forward KL");
  options.divergence = Divergence::kJensenShannon;
  expect_losses(preference_losses(pair_log_probs(), options), {0.5543552f, 0.8543552f, 0.6089404f}, "Jensen-Shannon");
  options.divergence = Divergence::kAlpha;
  expect_losses(preference_losses(pair_log_probs(), options), {0.4285911f, 1.053905f, 0.5300657f}, "alpha");
}

TEST(PreferenceLoss, CombinationsAreWeighted) {
  const at::Tensor one = preference_losses(pair_log_probs(), options_of("apo_zero")),
                   other = preference_losses(pair_log_probs(), options_of("nca_pair"));
  PreferenceOptions both = options_of("apo_zero");
  both.losses.push_back(PreferenceLoss::kNcaPair);
  both.weights = {0.25, 2};
  EXPECT_TRUE(at::allclose(preference_losses(pair_log_probs(), both), 0.25 * one + 2 * other));
}

TEST(PreferenceLoss, OptionsThatCannotBeAreRefused) {
  EXPECT_NE(text::error_of([] { from_name(kPreferenceLossNames, "loss_type", "sigmoyd"); }).find("sigmoyd"),
            std::string::npos);
  PreferenceOptions options = options_of("exo_pair");
  check(options);
  options.label_smoothing = 0;
  EXPECT_NE(text::error_of([&] { check(options); }).find("exo_pair"), std::string::npos);
  options = options_of("robust");
  options.label_smoothing = 0.5;
  EXPECT_NE(text::error_of([&] { check(options); }).find("label_smoothing"), std::string::npos);
  options = options_of("sft");
  options.weights = {1, 2};
  EXPECT_NE(text::error_of([&] { check(options); }).find("loss_weights"), std::string::npos);
}

}  // namespace
}  // namespace orrery::align
