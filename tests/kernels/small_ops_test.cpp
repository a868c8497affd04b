#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/rms_norm/rms_norm.h"
#include "orrery/kernels/rope/rope.h"

namespace orrery::kernels {
namespace {

std::vector<float> random_values(size_t size, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

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

}  // namespace
}  // namespace orrery::kernels
