// Which way Gaussians face.
#pragma once

#include <array>
#include <cstddef>

#include "orrery/base/camera.h"
#include "orrery/splat/renderer.h"

namespace orrery::splat {

/// The shortest axis of a Gaussian, turned towards the camera (Jiang et al. 2024, "GaussianShader", sec. 3.3).
class Facing {
 public:
  Facing(const Parameters<const float>& gaussians, const View& view, size_t row);

  /// Of length 1, in the camera's axes.
  std::array<float, 3> normal() const;
  /// From the gradient of normal(): adds that of the row's quaternion to d_quats, and that of the upper left [3, 3] of
  /// view.camera_from_world, its entries taken as independent of each other, to d_rotation. Which axis it is, and which
  /// of its sides, has none.
  void backward(const Parameters<const float>& gaussians, const View& view, const float* d_normal,
                std::span<float> d_quats, std::array<double, 9>& d_rotation) const;

 private:
  size_t row_;
  std::array<double, 4> turn_;         ///< the quaternion, of length 1
  std::array<double, 3> axis_{};       ///< of the world, on the camera's side
  std::array<double, 3> of_camera_{};  ///< the same in the camera's axes
};

}  // namespace orrery::splat
