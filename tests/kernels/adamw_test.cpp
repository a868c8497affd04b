#include "orrery/kernels/adamw/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

struct State {
  explicit State(size_t size, int seed) {
    std::mt19937 random(seed);
    p = random_values(size, random), g = random_values(size, random), m = random_values(size, random);
    v = random_values(size, random);
    for (float& value : v) value *= value;
  }
  std::vector<float> p, g, m, v;
};

TEST(AdamW, EqualsReference) {
  for (const size_t size : {1, 5, 16, 17, 64, 101}) {
    for (const int64_t step : {1, 7, 100000}) {
      const AdamWStep how{.learning_rate = 3e-2, .weight_decay = 0.1, .gradient_scale = 0.7, .step = step};
      State ours(size, 3), expected(size, 3);
      adamw(how, ours.p, ours.g, ours.m, ours.v);
      adamw_reference(how, expected.p, expected.g, expected.m, expected.v);
      for (size_t i = 0; i < size; ++i) {
        ASSERT_NEAR(ours.p[i], expected.p[i], 1e-6f * (1 + std::fabs(expected.p[i]))) << size << ", " << i;
        ASSERT_NEAR(ours.m[i], expected.m[i], 1e-6f * (1 + std::fabs(expected.m[i])));
        ASSERT_NEAR(ours.v[i], expected.v[i], 1e-6f * (1 + expected.v[i]));
      }
    }
  }
}

TEST(AdamW, ACutChangesNoBit) {
  State whole(77, 5), cut(77, 5);
  const AdamWStep how{.step = 3};
  adamw(how, whole.p, whole.g, whole.m, whole.v);
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 9}, {9, 40}, {49, 28}}) {
    const auto part = [&](std::vector<float>& values) { return std::span(values).subspan(first, count); };
    adamw(how, part(cut.p), part(cut.g), part(cut.m), part(cut.v));
  }
  EXPECT_EQ(whole.p, cut.p);
  EXPECT_EQ(whole.v, cut.v);
}

}  // namespace
}  // namespace orrery::kernels
