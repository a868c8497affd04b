// The few numbers that stand for many in SOG files.
#include "orrery/splat/codebook.h"

#include <gtest/gtest.h>

#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

TEST(Codebook, KeepsFewValuesExactly) {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>(i % 256) / 7);
  const std::array<float, 256> book = codebook(values);
  for (const float value : values) EXPECT_EQ(book[nearest(book, value)], value);
}

// An even grid over the range errs by step/√12 in the RMS; many values near 0 and few far out need less.
TEST(Codebook, IsFinerWhereTheValuesAre) {
  std::mt19937 random(3);
  std::normal_distribution<float> draw;
  std::vector<float> values(20000);
  for (float& value : values) value = draw(random);
  const std::array<float, 256> book = codebook(values);
  EXPECT_TRUE(std::ranges::is_sorted(book));
  double squares = 0;
  for (const float value : values) squares += std::pow(book[nearest(book, value)] - value, 2);
  const auto [low, high] = std::ranges::minmax(values);
  const double even = (high - low) / 255 / std::sqrt(12);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(values.size())), 0.8 * even);
}

TEST(Codebook, PassesOverWhatIsNoNumber) {
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(codebook({nan, 3, -infinity, infinity, 1})[0], 1);
  EXPECT_EQ(codebook({nan})[0], 0);
}

double palette_rms(const std::vector<float>& points, int width, const Palette& palette) {
  double squares = 0;
  for (size_t i = 0; i < points.size(); ++i)
    squares +=
        std::pow(points[i] - palette.centres[static_cast<size_t>(palette.labels[i / width] * width) + i % width], 2);
  return std::sqrt(squares / static_cast<double>(points.size()));
}

// Three times as many centres as there are clusters find them all: what is left is their own spread. And more centres
// lose less.
TEST(Palette, FindsClustersAndGainsByMoreCentres) {
  constexpr int kWidth = 9, kClusters = 60, kPoints = 6000;
  constexpr float kSpread = 0.001f;
  std::mt19937 random(4);
  std::uniform_real_distribution<float> place(-1, 1), near(-kSpread, kSpread);
  std::vector<float> centres(kClusters * kWidth), points;
  for (float& value : centres) value = place(random);
  for (int i = 0; i < kPoints; ++i)
    for (int k = 0; k < kWidth; ++k) points.push_back(centres[i % kClusters * kWidth + k] + near(random));
  double before = 1;
  for (const int64_t count : {4, 32, 256, 2048}) {
    const Palette found = palette(points, kWidth, count);
    EXPECT_LE(static_cast<int64_t>(found.centres.size()), count * kWidth);
    EXPECT_GE(static_cast<int64_t>(found.centres.size()), count * kWidth * 9 / 10);  // nearly all are made use of
    const double now = palette_rms(points, kWidth, found);
    EXPECT_LT(now, before) << count;
    before = now;
    if (count >= 3 * kClusters) {
      EXPECT_LT(now, kSpread) << count;
    }
  }
  EXPECT_EQ(palette_rms(points, kWidth, palette(points, kWidth, kPoints)), 0);
}

}  // namespace
}  // namespace orrery::splat
