// The views that a scene was trained from, as a file beside it; and paths of views through it.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/camera.h"
#include "orrery/splat/scene.h"

namespace orrery::splat {

struct NamedView {
  std::string name;
  View view;
  std::filesystem::path photo;  ///< that was taken from there; empty where it is not known
};

/// cameras.json as INRIA's trainer leaves it and viewers read it: a list of {id, img_name, width, height, position,
/// rotation (of the camera in the world, rows), fx, fy}; we add cx and cy, which are half the sizes where they are
/// missing, and photo, a path from the file's folder. Pinhole views. Throws Error naming the file, the camera and the
/// field.
std::vector<NamedView> read_cameras(const std::filesystem::path& path);
/// Wholly or not at all.
void write_cameras(const std::filesystem::path& path, const std::vector<NamedView>& views);

/// What a view's picture is called: "./train/r_003.png" gives "train_r_003", so that folders do not meet.
std::string picture_name(const std::string& view_name);

/// A pinhole camera of this size and vertical angle (degrees) at `from`, which looks at `to`; `up` is upwards in the
/// picture.
View look_at(const std::array<float, 3>& from, const std::array<float, 3>& to, const std::array<float, 3>& up,
             int width, int height, double degrees);

/// `count` views on a circle around what most of the scene's opacity lies in, a little above it. `up` is the scene's
/// upward axis: (0, -1, 0) for COLMAP's and most trainers'.
std::vector<View> orbit(const Scene& scene, const std::array<float, 3>& up, int count, int width, int height,
                        double degrees);

/// `count` views that pass through all of `keys` in their order, evenly between them: centres by Catmull and Rom's
/// spline, rotations by the shorter way, intrinsics of the first. At least two keys.
std::vector<View> spline(const std::vector<View>& keys, int count);

}  // namespace orrery::splat
