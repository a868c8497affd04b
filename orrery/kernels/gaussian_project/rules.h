// GaussianRules in numbers, for the reference and what is held to it.
#pragma once

#include <algorithm>

#include "orrery/kernels/gaussian_project/gaussian_project.h"

namespace orrery::kernels {

constexpr double kLowPass = 0.3;  ///< pixels², added to the 2D variances
constexpr double kSmallestCompensation = 0.005;
constexpr double kReach = 3.33;  ///< standard deviations, kExact
constexpr double kInriaReach = 3;
constexpr double kInriaSmallestSpread = 0.1;  ///< pixels⁴, under the root of the eigenvalues
constexpr double kFaintest = 1.0 / 255;       ///< the smallest alpha that is drawn
constexpr double kMostPixels = 1e9;           ///< a radius that an int32 can hold

inline double near_plane(GaussianRules rules) { return rules == GaussianRules::kExact ? 0.01 : 0.2; }

/// The slopes x/z (or y/z) between which a pinhole's Jacobian is taken.
struct SlopeLimits {
  double least, most;
};
inline SlopeLimits slope_limits(GaussianRules rules, double size, double focal, double principal) {
  if (rules == GaussianRules::kInria) return {-0.65 * size / focal, 0.65 * size / focal};
  const double margin = 0.15 * size / focal;
  return {-(principal / focal + margin), (size - principal) / focal + margin};
}

}  // namespace orrery::kernels
