// Gaussians before the first step.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "orrery/scene/gaussians/table.h"

namespace orrery::scene {

/// √(mean squared distance to the three nearest other points), floored at √1e-7, for each of points [N, 3]: a
/// Gaussian's first scale. Fewer than four points: of those there are; one: 1.
std::vector<float> nearest_distances(std::span<const float> points);

/// One round Gaussian per point, with opacity 0.1 and its colour from every side (Kerbl et al. 2023, sec. 5.1, as the
/// authors' program has it). points [N, 3] world units, colours [N, 3] of 0…255. sh_degree is the highest that will be
/// learned.
GaussianTable gaussians_of_points(std::span<const float> points, std::span<const uint8_t> colours, int sh_degree);

}  // namespace orrery::scene
