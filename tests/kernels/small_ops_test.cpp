#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/kernels/rms_norm/rms_norm.h"
#include "orrery/kernels/rms_norm_backward/rms_norm_backward.h"
#include "orrery/kernels/rope/rope.h"
#include "orrery/kernels/silu_gate/silu_gate.h"

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

TEST(RmsNormBackward, EqualsReferenceAndAddsToTheWeightsGradient) {
  std::mt19937 random(2);
  for (size_t size : {1, 7, 15, 16, 17, 31, 33, 64, 576, 4097}) {
    const auto x = random_values(size, random), weight = random_values(size, random), d_y = random_values(size, random);
    std::vector<float> d_x(size), expected_d_x(size), d_weight = random_values(size, random), expected_d_w = d_weight;
    rms_norm_backward(x, weight, 1e-5f, d_y, d_x, d_weight);
    rms_norm_backward_reference(x, weight, 1e-5f, d_y, expected_d_x, expected_d_w);
    float largest = 0;  // a gradient is what is left of two terms of the row's size
    for (float value : expected_d_x) largest = std::max(largest, std::fabs(value));
    for (size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(d_x[i], expected_d_x[i], 4e-6f * (largest + 0.1f)) << size << ", " << i;
      ASSERT_NEAR(d_weight[i], expected_d_w[i], 2e-6f * (std::fabs(expected_d_w[i]) + 1)) << size << ", " << i;
    }
  }
}

TEST(SiluGateBackward, EqualsReferenceAndACutChangesNoBit) {
  std::mt19937 random(4);
  auto gate = random_values(77, random);
  const auto up = random_values(77, random), d_y = random_values(77, random);
  for (float& value : gate) value *= 30;
  gate[3] = 1000, gate[5] = -1000;
  std::vector<float> d_gate(77), d_up(77), expected_gate(77), expected_up(77);
  silu_gate_backward(gate, up, d_y, d_gate, d_up);
  silu_gate_backward_reference(gate, up, d_y, expected_gate, expected_up);
  for (size_t i = 0; i < 77; ++i) {
    ASSERT_NEAR(d_gate[i], expected_gate[i], 2e-6f * (std::fabs(expected_gate[i]) + 0.1f)) << i << " of " << gate[i];
    ASSERT_NEAR(d_up[i], expected_up[i], 2e-6f * (std::fabs(expected_up[i]) + 0.1f)) << i << " of " << gate[i];
  }
  std::vector<float> cut_gate(77), cut_up(77);
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 9}, {9, 40}, {49, 28}}) {
    const auto part = [first = first, count = count](auto& values) { return std::span(values).subspan(first, count); };
    silu_gate_backward(part(gate), part(up), part(d_y), part(cut_gate), part(cut_up));
  }
  EXPECT_EQ(cut_gate, d_gate);
  EXPECT_EQ(cut_up, d_up);
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
