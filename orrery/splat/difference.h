// What a lossy file has lost.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "orrery/splat/scene.h"

namespace orrery::splat {

/// Over all Gaussians, and components where there are several. Pairs of which one is not finite are passed over.
struct AttributeDifference {
  double max = 0, rms = 0;
};

struct Difference {
  AttributeDifference position;   ///< per axis, world units
  AttributeDifference log_scale;  ///< per axis: 0.01 is one percent of the size
  AttributeDifference rotation;   ///< the angle between both, degrees
  AttributeDifference opacity;    ///< after the sigmoid
  AttributeDifference colour;     ///< per channel of the constant term, of 0 to 1
  AttributeDifference sh;         ///< per coefficient above it; those that one of both lacks count as 0
};

/// Row i of `read` is Gaussian order[i] of `scene`; an empty order leaves them in their places.
Difference difference(const Scene& scene, const Scene& read, std::span<const int64_t> order = {});

/// A table of six rows.
std::string difference_text(const Difference& difference);

}  // namespace orrery::splat
