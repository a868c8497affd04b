#include "orrery/splat/normals.h"

#include <algorithm>
#include <cmath>

#include "orrery/splat/activation.h"
#include "orrery/splat/edit.h"

namespace orrery::splat {

Facing::Facing(const Parameters<const float>& gaussians, const View& view, size_t row)
    : row_(row), turn_(unit_quaternion(gaussians.quats.data() + 4 * row)) {
  const std::span<const float> scales = gaussians.log_scales.subspan(3 * row, 3);
  const auto shortest = static_cast<size_t>(std::ranges::min_element(scales) - scales.begin());
  const Matrix3 rotation = rotation_matrix(turn_);
  const auto& m = view.camera_from_world;
  double along = 0;  // of the way from the camera to the mean
  for (size_t i = 0; i < 3; ++i) {
    double place = m[4 * i + 3];
    for (size_t k = 0; k < 3; ++k) {
      of_camera_[i] += m[4 * i + k] * rotation[k][shortest];
      place += double{m[4 * i + k]} * gaussians.means[3 * row + k];
    }
    along += of_camera_[i] * place;
  }
  const double side = along > 0 ? -1 : 1;
  for (size_t i = 0; i < 3; ++i) {
    of_camera_[i] *= side;
    axis_[i] = side * rotation[i][shortest];
  }
}

std::array<float, 3> Facing::normal() const {
  return {static_cast<float>(of_camera_[0]), static_cast<float>(of_camera_[1]), static_cast<float>(of_camera_[2])};
}

void Facing::backward(const Parameters<const float>& gaussians, const View& view, const float* d_normal,
                      std::span<float> d_quats, std::array<double, 9>& d_rotation) const {
  std::array<double, 3> d_axis{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 3; ++k) {
      d_axis[k] += double{view.camera_from_world[4 * i + k]} * d_normal[i];
      d_rotation[3 * i + k] += axis_[k] * d_normal[i];
    }
  // A small turn by the vector δ moves the axis by δ × axis, so its gradient is axis × d_axis; and it moves the
  // quaternion q by ½ (0, δ) q, half as far as δ is long, so q's gradient is 2 (0, axis × d_axis) q. What lies along q
  // has none, as its length does not matter.
  const std::array<double, 3> t = {axis_[1] * d_axis[2] - axis_[2] * d_axis[1],
                                   axis_[2] * d_axis[0] - axis_[0] * d_axis[2],
                                   axis_[0] * d_axis[1] - axis_[1] * d_axis[0]};
  const float* quat = gaussians.quats.data() + 4 * row_;
  const double length = std::sqrt(double{quat[0]} * quat[0] + double{quat[1]} * quat[1] + double{quat[2]} * quat[2] +
                                  double{quat[3]} * quat[3]);
  if (!(length > 0) || !std::isfinite(length)) return;  // it stands for no turn, whatever it is
  const auto& [w, x, y, z] = turn_;
  const std::array<double, 4> d_quat = {-t[0] * x - t[1] * y - t[2] * z, w * t[0] + t[1] * z - t[2] * y,
                                        w * t[1] + t[2] * x - t[0] * z, w * t[2] + t[0] * y - t[1] * x};
  for (size_t k = 0; k < 4; ++k) d_quats[4 * row_ + k] += static_cast<float>(2 / length * d_quat[k]);
}

}  // namespace orrery::splat
