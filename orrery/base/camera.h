// A view of a 3D scene. The one place that fixes axes and pixel centres.
#pragma once

#include <array>

namespace orrery {

/// How camera space becomes pixels. With x, y, z in camera space and z > 0:
///   pinhole  u = fx·x/z + cx,          v = fy·y/z + cy
///   fisheye  u = fx·θ(r)·x/r + cx, …   with r = √(x² + y²), θ = atan2(r, z) (equidistant; OpenCV's with k1…k4 = 0)
enum class Projection { kPinhole, kFisheye };

/// Camera space has OpenCV's axes: x right, y down, z forward. The image covers [0, width]×[0, height] and the pixel of
/// column i and row j has its centre at (i + 0.5, j + 0.5). (INRIA's rasteriser counts centres from 0: its coordinate
/// is ours less 0.5.) Lengths in the unit of the scene, intrinsics in pixels.
struct View {
  Projection projection = Projection::kPinhole;
  int width = 0, height = 0;
  float fx = 0, fy = 0, cx = 0, cy = 0;
  /// [4, 4] row-major, rigid: camera = rotation·world + translation. COLMAP's pose is this; Blender's and nerfstudio's
  /// files hold the inverse with y and z negated.
  std::array<float, 16> camera_from_world = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

  /// Where the camera stands: -rotationᵀ·translation.
  std::array<float, 3> centre() const {
    const auto& m = camera_from_world;
    std::array<float, 3> at;
    for (int i = 0; i < 3; ++i) at[i] = -(m[i] * m[3] + m[4 + i] * m[7] + m[8 + i] * m[11]);
    return at;
  }
};

}  // namespace orrery
