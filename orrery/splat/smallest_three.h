// A rotation as the three smaller components of its unit quaternion: the largest, made positive, follows from them.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

namespace orrery::splat {

struct SmallestThree {
  size_t largest = 0;            ///< which of the four is left out
  std::array<double, 3> rest{};  ///< the others in order, each within ±1/√2
};

/// `quat` has length 1.
inline SmallestThree smallest_three(const std::array<double, 4>& quat) {
  SmallestThree packed;
  for (size_t i = 1; i < 4; ++i)
    if (std::abs(quat[i]) > std::abs(quat[packed.largest])) packed.largest = i;
  const double sign = quat[packed.largest] < 0 ? -1 : 1;
  for (size_t i = 0, next = 0; i < 4; ++i)
    if (i != packed.largest) packed.rest[next++] = sign * quat[i];
  return packed;
}

inline std::array<double, 4> quaternion_from(const SmallestThree& packed) {
  std::array<double, 4> quat{};
  double rest = 1;
  for (size_t i = 0, next = 0; i < 4; ++i) {
    if (i == packed.largest) continue;
    quat[i] = packed.rest[next++];
    rest -= quat[i] * quat[i];
  }
  quat[packed.largest] = std::sqrt(std::max(0.0, rest));
  return quat;
}

}  // namespace orrery::splat
