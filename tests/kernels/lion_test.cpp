#include "orrery/kernels/lion/lion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

struct State {
  explicit State(size_t size) {
    std::mt19937 random(3);
    p = random_values(size, random), g = random_values(size, random), m = random_values(size, random);
  }
  std::vector<float> p, g, m;
};

TEST(Lion, EqualsReference) {
  for (const size_t size : {1, 5, 16, 17, 64, 101}) {
    const LionStep how{.learning_rate = 3e-2, .weight_decay = 0.1, .gradient_scale = 0.7};
    State ours(size), expected(size);
    ours.g[size / 2] = expected.g[size / 2] = ours.m[size / 2] = expected.m[size / 2] = 0;  // moves by the decay alone
    lion(how, ours.p, ours.g, ours.m);
    lion_reference(how, expected.p, expected.g, expected.m);
    for (size_t i = 0; i < size; ++i) {  // no direction of these draws is within rounding of 0
      ASSERT_NEAR(ours.p[i], expected.p[i], 1e-6f * (1 + std::fabs(expected.p[i]))) << size << ", " << i;
      ASSERT_NEAR(ours.m[i], expected.m[i], 1e-6f * (1 + std::fabs(expected.m[i])));
    }
  }
}

TEST(Lion, ACutChangesNoBit) {
  State whole(77), cut(77);
  lion({}, whole.p, whole.g, whole.m);
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 9}, {9, 40}, {49, 28}}) {
    const auto part = [&](std::vector<float>& values) { return std::span(values).subspan(first, count); };
    lion({}, part(cut.p), part(cut.g), part(cut.m));
  }
  EXPECT_EQ(whole.p, cut.p);
  EXPECT_EQ(whole.m, cut.m);
}

}  // namespace
}  // namespace orrery::kernels
