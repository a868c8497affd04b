#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/kernels/rms_norm/rms_norm.h"
#include "orrery/kernels/rope/rope.h"

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

TEST(RmsNorm, EqualsReference) {
  std::mt19937 random(1);
  for (size_t size : {1, 7, 15, 16, 17, 31, 33, 64, 576, 4097}) {  // below, at and past one and two vectors
    const auto x = random_values(size, random), weight = random_values(size, random);
    std::vector<float> ours(size), expected(size);
    rms_norm(x, weight, 1e-5f, ours);
    rms_norm_reference(x, weight, 1e-5f, expected);
    for (size_t i = 0; i < size; ++i)
      ASSERT_NEAR(ours[i], expected[i], 2e-6f * (std::fabs(expected[i]) + 0.1f)) << size;
    std::vector<float> in_place = x;
    rms_norm(in_place, weight, 1e-5f, in_place);
    EXPECT_EQ(in_place, ours);
  }
}

TEST(LayerNorm, EqualsReferenceWithAndWithoutBias) {
  std::mt19937 random(3);
  for (size_t size : {1, 2, 7, 15, 16, 17, 31, 33, 64, 576, 4097}) {  // below, at and past one and two vectors
    auto x = random_values(size, random);
    const auto weight = random_values(size, random), bias = random_values(size, random);
    for (float& value : x) value += 30.0f;  // what the mean must take away: a step of 30 is 2e-6
    for (const auto& shift : {bias, std::vector<float>{}}) {
      std::vector<float> ours(size), expected(size);
      layer_norm(x, weight, shift, 1e-5f, ours);
      layer_norm_reference(x, weight, shift, 1e-5f, expected);
      // The mean of numbers near 30 is off by a few of their steps, also where they differ by little.
      const float tolerance = size == 2 ? 2e-4f : 2e-5f;
      for (size_t i = 0; i < size; ++i)
        ASSERT_NEAR(ours[i], expected[i], tolerance * (std::fabs(weight[i]) + 0.1f)) << size << " at " << i;
      std::vector<float> in_place = x;
      layer_norm(in_place, weight, shift, 1e-5f, in_place);
      EXPECT_EQ(in_place, ours);
    }
  }
}

TEST(LayerNorm, KnownValues) {
  const std::vector<float> x = {1, 2, 3, 4}, weight = {1, 1, 1, 2}, bias = {0, 0, 0, 5};
  std::vector<float> y(4);
  layer_norm(x, weight, bias, 0.0f, y);  // mean 2.5, variance 1.25
  const float step = 1 / std::sqrt(1.25f);
  EXPECT_NEAR(y[0], -1.5f * step, 1e-6f);
  EXPECT_NEAR(y[2], 0.5f * step, 1e-6f);
  EXPECT_NEAR(y[3], 3.0f * step + 5, 1e-5f);
}

TEST(Rope, EqualsReferenceAlsoWhenOnlyPartOfAHeadTurns) {
  std::mt19937 random(2);
  for (int64_t head_dim : {2, 8, 30, 64, 80, 128}) {
    for (int64_t pairs : {head_dim / 2, head_dim / 4}) {
      std::vector<float> cos(pairs), sin(pairs);
      for (int64_t i = 0; i < pairs; ++i) cos[i] = std::cos(1.7f * i), sin[i] = std::sin(1.7f * i);
      auto ours = random_values(3 * head_dim, random);
      auto expected = ours;
      rope(ours.data(), 3, head_dim, cos, sin);
      rope_reference(expected.data(), 3, head_dim, cos, sin);
      for (size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], expected[i], 1e-6f) << head_dim << " " << pairs;
    }
  }
}

// phi-2's 32 of 80 dimensions: pairs (i, i + 16), the other 48 stay as they are.
TEST(Rope, TurnsTheFirstDimensionsOfEachHeadAndNoOther) {
  std::mt19937 random(4);
  const auto x = random_values(3 * 80, random);
  std::vector<float> cos(16), sin(16), y = x;
  for (int i = 0; i < 16; ++i) cos[i] = std::cos(0.3f * (i + 1)), sin[i] = std::sin(0.3f * (i + 1));
  rope(y.data(), 3, 80, cos, sin);
  for (int head = 0; head < 3; ++head) {
    const float *from = x.data() + head * 80, *to = y.data() + head * 80;
    for (int i = 0; i < 16; ++i) {
      EXPECT_NEAR(to[i], from[i] * cos[i] - from[i + 16] * sin[i], 1e-6f);
      EXPECT_NEAR(to[i + 16], from[i + 16] * cos[i] + from[i] * sin[i], 1e-6f);
    }
    for (int i = 32; i < 80; ++i) EXPECT_EQ(to[i], from[i]) << head << " " << i;
  }
}

}  // namespace
}  // namespace orrery::kernels
