#include "orrery/scene/gaussians/pose.h"

#include <cmath>

namespace orrery::scene {

namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

/// Of exp(ω) = I + a·W + b·W² and of its left Jacobian I + b·W + c·W², W the matrix of the cross product with ω
/// (Rodrigues; Solà et al. 2018, "A micro Lie theory", eq. 143 and 145).
struct RotationSeries {
  double a = 1, b = 1. / 2, c = 1. / 6;
};

RotationSeries series_of(PoseCorrection correction) {
  const double angle = std::hypot(correction[0], correction[1], correction[2]), square = angle * angle;
  if (angle < 1e-4) return {1 - square / 6, 1. / 2 - square / 24, 1. / 6 - square / 120};
  return {std::sin(angle) / angle, (1 - std::cos(angle)) / square, (angle - std::sin(angle)) / (square * angle)};
}

/// I + first·W + second·W².
Matrix of_cross_product(PoseCorrection correction, double first, double second) {
  const double x = correction[0], y = correction[1], z = correction[2];
  return {{{1 - second * (y * y + z * z), -first * z + second * x * y, first * y + second * x * z},
           {first * z + second * x * y, 1 - second * (x * x + z * z), -first * x + second * y * z},
           {-first * y + second * x * z, first * x + second * y * z, 1 - second * (x * x + y * y)}}};
}

Matrix rotation_of(PoseCorrection correction) {
  const RotationSeries series = series_of(correction);
  return of_cross_product(correction, series.a, series.b);
}

}  // namespace

View corrected(const View& view, PoseCorrection correction, double unit) {
  const Matrix turned = rotation_of(correction);
  View result = view;
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 4; ++k) {
      double sum = k == 3 ? unit * correction[3 + i] : 0;
      for (size_t j = 0; j < 3; ++j) sum += turned[i][j] * view.camera_from_world[4 * j + k];
      result.camera_from_world[4 * i + k] = static_cast<float>(sum);
    }
  return result;
}

std::array<double, 6> correction_gradient(const View& view, PoseCorrection correction, double unit,
                                          const std::array<float, 16>& d_camera_from_world) {
  const RotationSeries series = series_of(correction);
  const Matrix turned = rotation_of(correction), jacobian = of_cross_product(correction, series.b, series.c);
  // exp(ω + δ) = exp(J·δ)·exp(ω) for small δ: first by a rotation that comes behind exp(ω), then by ω.
  Matrix d_turned{}, d_behind{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 4; ++k)
        d_turned[i][j] += static_cast<double>(d_camera_from_world[4 * i + k]) * view.camera_from_world[4 * j + k];
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 3; ++k) d_behind[i][j] += d_turned[i][k] * turned[j][k];
  const std::array<double, 3> d_axis = {d_behind[2][1] - d_behind[1][2], d_behind[0][2] - d_behind[2][0],
                                        d_behind[1][0] - d_behind[0][1]};
  std::array<double, 6> gradient{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) gradient[i] += jacobian[j][i] * d_axis[j];
    gradient[3 + i] = unit * d_camera_from_world[4 * i + 3];
  }
  return gradient;
}

}  // namespace orrery::scene
