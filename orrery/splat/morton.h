// An order in which neighbours in space are mostly neighbours in the file.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/splat/scene.h"

namespace orrery::splat {

/// The numbers of the Gaussians along a Z-order curve (Morton 1966) of 2^21 steps on each axis of the bounding box.
/// Equal places keep their order; centres that are not finite come first.
std::vector<int64_t> morton_order(const Scene& scene);

}  // namespace orrery::splat
