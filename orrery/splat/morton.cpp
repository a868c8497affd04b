#include "orrery/splat/morton.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace orrery::splat {
namespace {

// The low 21 bits, each with two zeros behind it.
uint64_t spread(uint64_t x) {
  x = (x | x << 32) & 0x001F00000000FFFF;
  x = (x | x << 16) & 0x001F0000FF0000FF;
  x = (x | x << 8) & 0x100F00F00F00F00F;
  x = (x | x << 4) & 0x10C30C30C30C30C3;
  return (x | x << 2) & 0x1249249249249249;
}

}  // namespace

std::vector<int64_t> morton_order(const Scene& scene) {
  constexpr double kMost = (1 << 21) - 1;
  const Box box = bounding_box(scene);
  std::vector<std::pair<uint64_t, int64_t>> keyed(static_cast<size_t>(scene.count()));
  for (int64_t n = 0; n < scene.count(); ++n) {
    uint64_t key = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const double extent = double{box.max[axis]} - box.min[axis];
      const double place = (scene.means[3 * n + axis] - double{box.min[axis]}) / extent;  // no number where all are one
      if (place > 0) key |= spread(static_cast<uint64_t>(std::min(place, 1.0) * kMost)) << axis;
    }
    keyed[n] = {key, n};
  }
  std::ranges::sort(keyed);
  std::vector<int64_t> order;
  order.reserve(keyed.size());
  for (const auto& [key, n] : keyed) order.push_back(n);
  return order;
}

}  // namespace orrery::splat
