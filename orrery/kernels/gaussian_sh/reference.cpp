#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_sh/gaussian_sh.h"

namespace orrery::kernels {
namespace {

using Vector = std::array<double, 3>;

/// A basis function's value and what it changes by with x, y and z.
struct Harmonic {
  double value = 0;
  Vector slope{};
};

/// All 16 at a unit vector.
std::array<Harmonic, 16> harmonics(const Vector& direction) {
  const auto [x, y, z] = direction;
  const double c0 = 0.28209479177387814, c1 = 0.4886025119029199, c20 = 1.0925484305920792, c22 = 0.31539156525252005,
               c24 = 0.5462742152960396, c30 = 0.5900435899266435, c31 = 2.890611442640554, c32 = 0.4570457994644658,
               c33 = 0.3731763325901154, c35 = 1.445305721320277;
  return {{{c0, {}},
           {-c1 * y, {0, -c1, 0}},
           {c1 * z, {0, 0, c1}},
           {-c1 * x, {-c1, 0, 0}},
           {c20 * x * y, {c20 * y, c20 * x, 0}},
           {-c20 * y * z, {0, -c20 * z, -c20 * y}},
           {c22 * (2 * z * z - x * x - y * y), {-2 * c22 * x, -2 * c22 * y, 4 * c22 * z}},
           {-c20 * x * z, {-c20 * z, 0, -c20 * x}},
           {c24 * (x * x - y * y), {2 * c24 * x, -2 * c24 * y, 0}},
           {-c30 * y * (3 * x * x - y * y), {-6 * c30 * x * y, -3 * c30 * (x * x - y * y), 0}},
           {c31 * x * y * z, {c31 * y * z, c31 * x * z, c31 * x * y}},
           {-c32 * y * (4 * z * z - x * x - y * y),
            {2 * c32 * x * y, -c32 * (4 * z * z - x * x - 3 * y * y), -8 * c32 * y * z}},
           {c33 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            {-6 * c33 * x * z, -6 * c33 * y * z, c33 * (6 * z * z - 3 * x * x - 3 * y * y)}},
           {-c32 * x * (4 * z * z - x * x - y * y),
            {-c32 * (4 * z * z - 3 * x * x - y * y), 2 * c32 * x * y, -8 * c32 * x * z}},
           {c35 * z * (x * x - y * y), {2 * c35 * x * z, -2 * c35 * y * z, c35 * (x * x - y * y)}},
           {-c30 * x * (x * x - 3 * y * y), {-3 * c30 * (x * x - y * y), 6 * c30 * x * y, 0}}}};
}

/// Gaussian i from the camera: the unit vector, and its distance (1 where there is none).
struct Ray {
  Vector direction{};
  double distance = 1;
};
Ray ray_to(const GaussianSh& sh, int64_t i) {
  Ray ray;
  double squares = 0;
  for (int axis = 0; axis < 3; ++axis) {
    ray.direction[axis] = static_cast<double>(sh.means[3 * i + axis]) - sh.centre[axis];
    squares += ray.direction[axis] * ray.direction[axis];
  }
  if (squares > 0) ray.distance = std::sqrt(squares);
  for (double& value : ray.direction) value /= ray.distance;
  return ray;
}

Vector unclamped_colour(const GaussianSh& sh, int64_t i, const std::array<Harmonic, 16>& basis) {
  const float* coefficients = sh.coefficients.data() + i * sh.per_gaussian() * 3;
  Vector colour = {0.5, 0.5, 0.5};
  for (int k = 0; k < (sh.degree + 1) * (sh.degree + 1); ++k)
    for (int c = 0; c < 3; ++c) colour[c] += basis[k].value * coefficients[3 * k + c];
  return colour;
}

}  // namespace

void gaussian_sh_reference(const GaussianSh& sh, std::span<float> colours) {
  for (int64_t i = 0; i < sh.size(); ++i) {
    const Vector colour = unclamped_colour(sh, i, harmonics(ray_to(sh, i).direction));
    for (int c = 0; c < 3; ++c) colours[3 * i + c] = static_cast<float>(std::max(0.0, colour[c]));
  }
}

std::array<float, 3> gaussian_sh_backward_reference(const GaussianSh& sh, std::span<const float> d_colours,
                                                    const GaussianShGradient& gradient) {
  Vector d_centre{};
  const int64_t per_gaussian = sh.per_gaussian();
  std::ranges::fill(gradient.coefficients, 0.f);
  for (int64_t i = 0; i < sh.size(); ++i) {
    const Ray ray = ray_to(sh, i);
    const auto basis = harmonics(ray.direction);
    const Vector colour = unclamped_colour(sh, i, basis);
    Vector d_direction{};
    for (int k = 0; k < (sh.degree + 1) * (sh.degree + 1); ++k) {
      for (int c = 0; c < 3; ++c) {
        if (colour[c] < kRoundedBlack) continue;
        const int64_t at = (i * per_gaussian + k) * 3 + c;
        if (!gradient.coefficients.empty())
          gradient.coefficients[at] = static_cast<float>(basis[k].value * d_colours[3 * i + c]);
        const double d_basis = static_cast<double>(d_colours[3 * i + c]) * sh.coefficients[at];
        for (int axis = 0; axis < 3; ++axis) d_direction[axis] += d_basis * basis[k].slope[axis];
      }
    }
    double along = 0;
    for (int axis = 0; axis < 3; ++axis) along += d_direction[axis] * ray.direction[axis];
    for (int axis = 0; axis < 3; ++axis) {
      const double d_mean = (d_direction[axis] - along * ray.direction[axis]) / ray.distance;
      if (!gradient.means.empty())
        gradient.means[3 * i + axis] = static_cast<float>(gradient.means[3 * i + axis] + d_mean);
      d_centre[axis] -= d_mean;
    }
  }
  return {static_cast<float>(d_centre[0]), static_cast<float>(d_centre[1]), static_cast<float>(d_centre[2])};
}

}  // namespace orrery::kernels
