// Comparison of logits and hidden states with the original implementation's.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <span>

namespace orrery::text::golden {

/// The largest |ours - theirs| is at most `tolerance` (the folder's README says why that much) and nothing is NaN.
inline void expect_close(std::span<const float> ours, std::span<const float> theirs, float tolerance,
                         const char* what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  size_t worst = 0;
  float largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const float difference = std::abs(ours[i] - theirs[i]);
    if (difference > largest || std::isnan(difference)) largest = difference, worst = i;
    if (std::isnan(largest)) break;
  }
  EXPECT_LE(largest, tolerance) << what << ": entry " << worst << " is " << ours[worst] << ", expected "
                                << theirs[worst];
}

constexpr float kTolerance = 1e-4f;           ///< float32, tiny models: what another order of additions costs
constexpr float kPositionsTolerance = 1e-3f;  ///< positions in the thousands: a float32 angle is off by up to 3e-4
constexpr float kRealModelTolerance = 2e-3f;  ///< 30 layers of SmolLM2

}  // namespace orrery::text::golden
