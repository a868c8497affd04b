// What a rotation of a scene does to its spherical harmonics.
#pragma once

#include <array>
#include <vector>

#include "orrery/splat/scene.h"

namespace orrery::splat {

/// [row, column], a rotation.
using Matrix3 = std::array<std::array<double, 3>, 3>;

/// For degrees 1 to kMaxShDegree the matrix D with basis(R d) = D basis(d) for every direction d, in 3DGS's order and
/// signs; row-major, 3 × 3, 5 × 5, 7 × 7 (Ivanic & Ruedenberg 1996, "Rotation Matrices for Real Spherical Harmonics",
/// table 2, with the correction of 1998).
std::array<std::vector<double>, kMaxShDegree> sh_rotation(const Matrix3& rotation);

/// Rotates the coefficients: the colour that was seen along d is seen along R d.
void rotate_harmonics(const Matrix3& rotation, Scene& scene);

}  // namespace orrery::splat
