// Where a photo was taken from, corrected.
#pragma once

#include <array>
#include <span>

#include "orrery/base/camera.h"

namespace orrery::scene {

/// Six numbers of a photo: a rotation vector ω in radians and a translation τ in `unit`s of the world, both along the
/// camera's axes. The camera turns where it stands, then moves; none of both is 0.
using PoseCorrection = std::span<const float, 6>;

/// camera_from_world becomes [exp(ω), unit·τ]·camera_from_world.
View corrected(const View& view, PoseCorrection correction, double unit);

/// From the gradient of what corrected() gave, [4, 4] with every entry free, to that of the six numbers.
std::array<double, 6> correction_gradient(const View& view, PoseCorrection correction, double unit,
                                          const std::array<float, 16>& d_camera_from_world);

}  // namespace orrery::scene
