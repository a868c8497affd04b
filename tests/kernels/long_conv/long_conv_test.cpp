#include "orrery/kernels/long_conv/long_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

namespace orrery::kernels {
namespace {

// Filters of `channels` channels and the history of one sequence for each of their groups.
struct Case {
  Case(int64_t channels, int64_t length, unsigned seed = 1) : filter(channels, length), random(seed) {
    for (int64_t group = 0; group < filter.groups(); ++group) {
      const int64_t lanes = std::min(kConvLanes, channels - group * kConvLanes);
      for (int64_t t = 0; t < length; ++t) std::ranges::copy(values(lanes), filter.taps(group) + t * kConvLanes);
      std::ranges::copy(values(lanes), filter.bias(group));
      filter.transform(group);
    }
    scratch.resize(long_conv_scratch(length));
  }

  std::vector<float> values(int64_t count) {
    std::vector<float> result(count);
    for (float& value : result) value = normal(random);
    return result;
  }

  LongFilter filter;
  std::vector<float> scratch;
  std::mt19937 random;
  std::normal_distribution<float> normal;
};

// One group's history, fresh memory holding anything.
struct Rows {
  explicit Rows(int64_t tokens) : memory((tokens + kConvPage - 1) / kConvPage * kConvPage * kConvLanes, std::nanf("")) {
    history = {memory.data(), kConvPage * kConvLanes, tokens};
  }
  std::vector<float> memory;
  ConvHistory history;
};

std::vector<float> expected_of(const Case& c, int64_t group, const std::vector<float>& x) {
  const auto tokens = static_cast<int64_t>(x.size()) / kConvLanes;
  Rows rows(tokens);
  std::vector<float> y(x.size());
  long_conv_reference(c.filter, group, rows.history, 0, tokens, x.data(), y.data());
  return y;
}

// 64 terms of a sum and 12 levels of a transform, of values whose sum grows with √tokens.
float tolerance_for(int64_t tokens) { return 2e-6f * std::sqrt(static_cast<float>(tokens)) + 2e-6f; }

void expect_near(const std::vector<float>& ours, const std::vector<float>& expected, float tolerance, int64_t tokens) {
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i)
    ASSERT_NEAR(ours[i], expected[i], tolerance) << "of " << tokens << " tokens, token " << i / kConvLanes;
}

TEST(LongConv, EqualsTheSumAroundEveryPowerOfTwo) {
  for (int64_t tokens : {1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257, 511, 512, 513, 1023, 1025}) {
    Case c(kConvLanes, tokens);
    const std::vector<float> x = c.values(tokens * kConvLanes);
    Rows rows(tokens);
    std::vector<float> y(x.size());
    long_conv(c.filter, 0, rows.history, 0, tokens, x.data(), y.data(), c.scratch.data());
    expect_near(y, expected_of(c, 0, x), tolerance_for(tokens), tokens);
  }
}

TEST(LongConv, TransformsTilesBeyondTheCachedOnes) {
  constexpr int64_t kTokens = 8 * kConvCached + 1;
  Case c(kConvLanes, kTokens);
  ASSERT_EQ(c.filter.cached_tile(), kConvCached);
  const std::vector<float> x = c.values(kTokens * kConvLanes);
  Rows rows(kTokens);
  std::vector<float> y(x.size());
  long_conv(c.filter, 0, rows.history, 0, kTokens, x.data(), y.data(), c.scratch.data());
  expect_near(y, expected_of(c, 0, x), tolerance_for(kTokens), kTokens);
}

TEST(LongConv, SameBitsHoweverTheTokensArrive) {
  constexpr int64_t kTokens = 700;
  Case c(kConvLanes, 1024);
  const std::vector<float> x = c.values(kTokens * kConvLanes);
  Rows at_once(1024);
  std::vector<float> expected(x.size());
  long_conv(c.filter, 0, at_once.history, 0, kTokens, x.data(), expected.data(), c.scratch.data());
  for (int64_t piece : {1, 3, 32, 50, 512}) {
    Rows rows(1024);
    std::vector<float> y = x;  // in place
    for (int64_t t = 0; t < kTokens; t += piece) {
      const int64_t tokens = std::min(piece, kTokens - t);
      rows.history.tokens = conv_history_tokens(t + tokens, 1024);  // no more than promised
      float* part = y.data() + t * kConvLanes;
      long_conv(c.filter, 0, rows.history, t, tokens, part, part, c.scratch.data());
    }
    EXPECT_EQ(y, expected) << "pieces of " << piece;
  }
}

TEST(LongConv, RestoredHistoryGoesOnWithTheSameBits) {
  constexpr int64_t kTokens = 600;
  Case c(kConvLanes, kTokens);
  const std::vector<float> x = c.values(kTokens * kConvLanes);
  Rows whole(kTokens);
  std::vector<float> expected(x.size());
  long_conv(c.filter, 0, whole.history, 0, kTokens, x.data(), expected.data(), c.scratch.data());
  for (int64_t position : {1, 31, 32, 33, 64, 96, 100, 256, 384, 480, 511, 512, 599}) {
    Rows restored(kTokens);
    std::copy_n(x.begin(), position * kConvLanes, restored.memory.begin());
    long_conv_restore(c.filter, 0, restored.history, position, c.scratch.data());
    std::vector<float> y(x.begin() + position * kConvLanes, x.end());
    long_conv(c.filter, 0, restored.history, position, kTokens - position, y.data(), y.data(), c.scratch.data());
    EXPECT_TRUE(std::ranges::equal(y, std::span(expected).subspan(position * kConvLanes))) << position;
  }
}

TEST(LongConv, GroupsReadTheirOwnChannels) {
  constexpr int64_t kChannels = 2 * kConvLanes + 5, kTokens = 100;
  Case c(kChannels, kTokens);
  ASSERT_EQ(c.filter.groups(), 3);
  for (int64_t group = 0; group < 3; ++group) {
    const std::vector<float> x = c.values(kTokens * kConvLanes);
    Rows rows(kTokens);
    std::vector<float> y(x.size());
    long_conv(c.filter, group, rows.history, 0, kTokens, x.data(), y.data(), c.scratch.data());
    expect_near(y, expected_of(c, group, x), tolerance_for(kTokens), kTokens);
  }
}

TEST(LongConv, HistoryNeedsLessThanTwiceTheInputs) {
  EXPECT_EQ(conv_history_tokens(1, 4096), kConvBlock);
  EXPECT_EQ(conv_history_tokens(32, 4096), 32);
  EXPECT_EQ(conv_history_tokens(33, 4096), 64);
  EXPECT_EQ(conv_history_tokens(1024, 4096), 1024);
  EXPECT_EQ(conv_history_tokens(1025, 4096), 2048);
  EXPECT_EQ(conv_history_tokens(1025, 1500), 1500);
  EXPECT_EQ(conv_history_tokens(5, 16), 16);
}

}  // namespace
}  // namespace orrery::kernels
