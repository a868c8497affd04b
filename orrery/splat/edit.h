// What can be done to a scene between two files.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "orrery/splat/scene.h"
#include "orrery/splat/sh_rotation.h"

namespace orrery::splat {

/// Gaussians that are not worth keeping.
struct Filter {
  bool drop_nan = true;   ///< any parameter that is not finite, or a rotation of length 0
  float min_opacity = 0;  ///< below it, after the sigmoid
  float max_scale = std::numeric_limits<float>::infinity();  ///< the largest axis above it, world units
};
Scene filtered(const Scene& scene, const Filter& filter);

/// The Gaussians whose centres lie in the box, its faces included.
Scene cropped(const Scene& scene, const Box& box);

/// world' = scale · rotation · world + translation.
struct Similarity {
  std::array<double, 4> rotation = {1, 0, 0, 0};  ///< a quaternion w x y z, of any length but 0
  std::array<double, 3> translation = {0, 0, 0};
  double scale = 1;  ///< above 0
};
Matrix3 rotation_matrix(const std::array<double, 4>& quaternion);
/// Degrees about x, then y, then z, which stay where they are.
std::array<double, 4> quaternion_from_euler(const std::array<double, 3>& degrees);
/// Moves places, sizes, rotations and harmonics together: a camera that is moved along sees what it saw.
void transform(Scene& scene, const Similarity& similarity);

/// How much light a Gaussian takes, over all directions and at one distance: its opacity times its mean shadow, which
/// for an ellipsoid of axes a, b, c is about (ab + ac + bc)/3. [count]; 0 where it is no number.
std::vector<double> importance(const Scene& scene);
/// The `count` Gaussians of the greatest importance, in their order; of equals the earlier ones.
Scene decimated(const Scene& scene, int64_t count);
/// Leaves out the least important Gaussians that have no more than `share` (0 to 1) of all importance together.
Scene pruned(const Scene& scene, double share);

/// Without the harmonics above `degree`.
Scene with_sh_degree(const Scene& scene, int degree);

/// One scene after the other, with the highest degree among them. The result is antialiased where all of them are.
Scene merged(std::span<const Scene> scenes);

}  // namespace orrery::splat
