// Between a Gaussian's stored parameters and what they mean, as most files keep the latter. In double, so that a byte
// survives the way there and back.
#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>

namespace orrery::splat {

inline constexpr double kShC0 = 0.28209479177387814;  ///< the constant basis function, 1/(2√π)

inline double opacity_from_logit(double logit) { return 1 / (1 + std::exp(-logit)); }

/// Finite for 0 and 1 too, which have no logit: files of bytes are full of both.
inline float logit_from_opacity(double opacity) {
  constexpr double kLeast = 1e-7;
  const double p = std::clamp(opacity, kLeast, 1 - kLeast);
  return static_cast<float>(std::log(p / (1 - p)));
}

/// The colour without what depends on the view: 0 is black, 1 is full.
inline double colour_from_sh0(double sh0) { return 0.5 + kShC0 * sh0; }
inline float sh0_from_colour(double colour) { return static_cast<float>((colour - 0.5) / kShC0); }

/// A flat Gaussian's 0 becomes the smallest float.
inline float log_from_scale(float scale) { return std::log(std::max(scale, FLT_MIN)); }

/// w x y z of length 1; no rotation where there is none to be had.
inline std::array<double, 4> unit_quaternion(const float* quat) {
  double norm = 0;
  for (int i = 0; i < 4; ++i) norm += double{quat[i]} * quat[i];
  norm = std::sqrt(norm);
  if (!(norm > 0) || !std::isfinite(norm)) return {1, 0, 0, 0};
  return {quat[0] / norm, quat[1] / norm, quat[2] / norm, quat[3] / norm};
}

/// To the nearest of 0 … most; what is no number gives 0.
inline uint32_t to_level(double value, uint32_t most) {
  return value > 0 ? static_cast<uint32_t>(std::min(value + 0.5, double{static_cast<double>(most)})) : 0;
}
inline uint8_t to_byte(double value) { return static_cast<uint8_t>(to_level(value, 255)); }

}  // namespace orrery::splat
