// Reward models against the original's scores: every position's, and the pair's at the last token that is no padding.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

namespace {
namespace fs = std::filesystem;

constexpr float kRewardTolerance = 5e-5f;  // the folder's README

std::vector<fs::path> reward_folders() {
  std::vector<fs::path> result = folders();
  std::erase_if(result, [](const fs::path& folder) { return kind_of(folder) != "reward-model"; });
  return result;
}
}  // namespace

class RewardGolden : public testing::TestWithParam<fs::path> {
 protected:
  /// The scores of row `row` of SIDE_input_ids without its padding.
  std::vector<float> scores(const std::string& side, int64_t row) {
    const auto mask = expected_.ids(side + "_attention_mask", row);
    std::vector<TokenId> ids = expected_.ids(side + "_input_ids", row);
    ids.resize(std::ranges::count(mask, 1));
    return score(engine_, ids);
  }

  const Expected expected_{GetParam()};
  Engine engine_{Checkpoint::open(GetParam().string()), {.exact = true}};
};

TEST_P(RewardGolden, ScoresOfEveryPosition) {
  const std::vector<float> all = expected_.floats("chosen_token_scores");
  const std::vector<int64_t>& shape = expected_.shape("chosen_token_scores");
  for (int64_t row = 0; row < shape[0]; ++row) {
    const std::vector<float> ours = scores("chosen", row);
    for (size_t t = 0; t < ours.size(); ++t) EXPECT_NEAR(ours[t], all[row * shape[1] + t], kRewardTolerance);
  }
}

TEST_P(RewardGolden, RewardIsTheLastTokensScore) {
  for (const std::string side : {"chosen", "rejected"}) {
    const std::vector<float> rewards = expected_.floats(side + "_rewards");
    for (size_t row = 0; row < rewards.size(); ++row)
      EXPECT_NEAR(scores(side, int64_t(row)).back(), rewards[row], kRewardTolerance) << side << " " << row;
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RewardGolden);
INSTANTIATE_TEST_SUITE_P(Text, RewardGolden, testing::ValuesIn(reward_folders()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

}  // namespace orrery::text::golden
