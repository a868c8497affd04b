#include "orrery/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace orrery {

// The known answers that the paper's authors publish with their implementation (Random123, kat_vectors).
TEST(Philox, GivesThePublishedAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(RandomStream, SeedAndNameSayEverything) {
  RandomStream a(1, "dropout"), b(1, "dropout"), other_name(1, "shuffle"), other_seed(2, "dropout");
  for (int i = 0; i < 100; ++i) {
    const uint64_t drawn = a();
    EXPECT_EQ(drawn, b());
    EXPECT_NE(drawn, other_name());
    EXPECT_NE(drawn, other_seed());
  }
}

TEST(RandomStream, SeekReachesAnyPosition) {
  RandomStream stream(7, "x");
  std::vector<uint64_t> drawn(9);
  for (auto& value : drawn) value = stream();
  for (uint64_t position : {8, 3, 4, 0, 7}) {
    stream.seek(position);
    EXPECT_EQ(stream(), drawn[position]);
    EXPECT_EQ(stream.position(), position + 1);
  }
}

TEST(RandomStream, UniformFillsTheUnitIntervalEvenly) {
  RandomStream stream(3, "uniform");
  std::array<int, 16> counts{};
  constexpr int kDraws = 160000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = stream.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++counts[int(u * 16)];
  }
  for (int count : counts) EXPECT_NEAR(count, kDraws / 16, 500);  // 5 standard deviations of a binomial: 484
}

TEST(RandomStream, NormalHasTheMomentsOfItsLaw) {
  RandomStream stream(5, "normal");
  constexpr int kDraws = 200000;
  double sums[5] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.normal();
    for (int power = 1; power <= 4; ++power) sums[power] += std::pow(x, power);
  }
  EXPECT_EQ(stream.position(), 2 * kDraws);
  const double expected[] = {0, 0, 1, 0, 3}, deviation[] = {0, 1, 1.4142, 3.873, 9.798};  // of x^power
  for (int power = 1; power <= 4; ++power)
    EXPECT_NEAR(sums[power] / kDraws, expected[power], 5 * deviation[power] / std::sqrt(kDraws)) << power;
}

TEST(RandomStream, PermutationsAreAllEquallyLikely) {
  RandomStream stream(6, "permutation");
  std::map<std::vector<size_t>, int> counts;
  constexpr int kDraws = 24000;
  for (int i = 0; i < kDraws; ++i) ++counts[stream.permutation(4)];
  ASSERT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, kDraws / 24, 155);  // 5 standard deviations
  EXPECT_EQ(stream.permutation(1), std::vector<size_t>{0});
  EXPECT_TRUE(stream.permutation(0).empty());
}

}  // namespace orrery
