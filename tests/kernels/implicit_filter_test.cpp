#include "orrery/kernels/implicit_filter/implicit_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

TEST(ImplicitFilter, TapsEqualReference) {
  std::mt19937 random(1);
  constexpr int64_t kPositions = 131, kChannels = 40;  // past two blocks of rows
  for (int64_t width : {1, 3, 16, 64}) {
    const auto out = random_values(kChannels * width, random), features = random_values(kPositions * width, random),
               t = random_values(kPositions, random), deltas = random_values(kChannels, random);
    for (bool modulate : {false, true}) {
      const ImplicitFilter filter{.width = width,
                                  .channels = kChannels,
                                  .out = out.data(),
                                  .modulate = modulate,
                                  .t = t.data(),
                                  .deltas = deltas.data(),
                                  .shift = 0.25f};
      for (int64_t step : {1, 2}) {
        std::vector<float> ours(kPositions * 16, 7.0f), expected = ours;
        filter_taps(filter, 0, kPositions, features.data(), 3, step, 13, ours.data());
        filter_taps_reference(filter, 0, kPositions, features.data(), 3, step, 13, expected.data());
        for (size_t i = 0; i < ours.size(); ++i)  // width additions round
          ASSERT_NEAR(ours[i], expected[i], 1e-6f * (1 + std::fabs(expected[i])) * std::sqrt(width)) << width;
      }
    }
  }
}

// One feature, two layers, by hand.
TEST(ImplicitFilter, LayersAreSinesOfScaledSums) {
  const float z[] = {0.5f}, weight[] = {2.0f}, bias[] = {0.25f}, freq[] = {3.0f};
  const ImplicitFilter filter{
      .width = 1, .channels = 1, .z = z, .layers = {{weight, bias, 1}, {weight, bias, 1}}, .freq = freq};
  float feature = 0;
  filter_features(filter, 0, 1, &feature);
  EXPECT_NEAR(feature, std::sin(3 * (2 * std::sin(3 * (2 * 0.5 + 0.25)) + 0.25)), 1e-6);
}

}  // namespace
}  // namespace orrery::kernels
