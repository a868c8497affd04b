#include "orrery/kernels/activation/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace orrery::kernels {
namespace {

constexpr Activation kAll[] = {Activation::kSilu,  Activation::kGeluTanh, Activation::kGeluErf,
                               Activation::kRelu2, Activation::kSigmoid,  Activation::kTanh};

// e^u and x³ in the exponents round by u·6e-8, and values below 1e-9 take no part in anything.
float tolerance(float expected) { return 1e-6f * std::fabs(expected) + 1e-9f; }

TEST(Activation, IsWithinAMillionthOfTheReference) {
  std::vector<float> x;
  for (int i = -3000; i <= 3000; ++i) x.push_back(static_cast<float>(i) / 150);  // -20 to 20
  for (float tiny : {1e-3f, 1e-6f, 1e-20f, 1e-40f, 0.0f}) x.insert(x.end(), {tiny, -tiny});
  for (float large : {30.0f, 87.0f, 88.0f, 90.0f, 105.0f, 1000.0f, 1e10f}) x.insert(x.end(), {large, -large});
  std::vector<float> y(x.size()), expected(x.size());
  for (Activation activation : kAll) {
    activate(activation, x, y);
    activate_reference(activation, x, expected);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(y[i], expected[i], tolerance(expected[i])) << static_cast<int>(activation) << " of " << x[i];
  }
}

TEST(Activation, KnownValues) {
  const auto at = [](Activation activation, float x) {
    float y;
    activate(activation, {&x, 1}, {&y, 1});
    return y;
  };
  EXPECT_NEAR(at(Activation::kSilu, 1), 0.7310586f, 1e-6f);
  EXPECT_NEAR(at(Activation::kGeluTanh, 1), 0.8411920f, 1e-6f);
  EXPECT_NEAR(at(Activation::kGeluErf, 1), 0.8413447f, 1e-6f);
  EXPECT_NEAR(at(Activation::kGeluErf, -2), -0.0455003f, 1e-7f);
  EXPECT_EQ(at(Activation::kRelu2, 3), 9);
  EXPECT_EQ(at(Activation::kRelu2, -3), 0);
  EXPECT_EQ(at(Activation::kSigmoid, 0), 0.5f);
  EXPECT_NEAR(at(Activation::kTanh, 1), 0.7615942f, 1e-6f);
  EXPECT_TRUE(std::isnan(at(Activation::kSilu, std::numeric_limits<float>::quiet_NaN())));
}

TEST(Activation, EveryLengthIsDoneToItsEndAndNotPast) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (size_t size = 0; size < 40; ++size) {
    std::vector<float> x(size), up(size), y(size + 1, 7.0f), gated(size + 1, 7.0f), expected(size);
    for (float& value : x) value = normal(random);
    for (float& value : up) value = normal(random);
    activate(Activation::kSilu, x, {y.data(), size});
    activate_reference(Activation::kSilu, x, expected);
    for (size_t i = 0; i < size; ++i) ASSERT_NEAR(y[i], expected[i], tolerance(expected[i])) << size;
    activate_gated(Activation::kGeluErf, x, up, {gated.data(), size});
    activate_gated_reference(Activation::kGeluErf, x, up, expected);
    for (size_t i = 0; i < size; ++i) ASSERT_NEAR(gated[i], expected[i], tolerance(expected[i])) << size;
    EXPECT_EQ(y[size], 7);
    EXPECT_EQ(gated[size], 7);
    std::vector<float> in_place = x;
    activate(Activation::kSilu, in_place, in_place);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(in_place[i], y[i]);
  }
}

TEST(Activation, GatedStripsAreGateAndUpInTurnAndMayBeOverwritten) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> strips(96), gate, up;
  for (float& value : strips) value = normal(random);
  for (size_t i = 0; i < 96; ++i) (i / 16 % 2 ? up : gate).push_back(strips[i]);
  for (Activation activation : kAll) {
    std::vector<float> out(48), expected(48), in_place = strips;
    activate_gated_strips(activation, strips, out);
    activate_gated(activation, gate, up, expected);
    EXPECT_EQ(out, expected);
    activate_gated_strips(activation, in_place, {in_place.data(), 48});
    in_place.resize(48);
    EXPECT_EQ(in_place, expected);
  }
}

}  // namespace
}  // namespace orrery::kernels
