// Poses and intrinsics in one JSON file: NeRF's synthetic scenes (transforms_train.json, Mildenhall et al. 2020),
// D-NeRF (the same with times), instant-ngp and nerfstudio (docs.nerf.studio/quickstart/data_conventions.html).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace orrery::formats {

/// What a frame says of its camera, or the file for all frames. Sizes and focal lengths that are not given follow from
/// the picture and from the angle of view: fl_x = w / 2 / tan(camera_angle_x / 2), principal point in the middle.
struct TransformsIntrinsics {
  std::optional<int64_t> w, h;
  std::optional<double> fl_x, fl_y, cx, cy;               ///< pixels, the first one's centre at (0.5, 0.5)
  std::optional<double> camera_angle_x, camera_angle_y;   ///< whole angle of view, radians
  double k1 = 0, k2 = 0, k3 = 0, k4 = 0, p1 = 0, p2 = 0;  ///< OpenCV's, of the model below
  std::string camera_model = "OPENCV";                    ///< OPENCV, OPENCV_FISHEYE, PINHOLE, EQUIRECTANGULAR, …
};

struct TransformsFrame {
  std::string file_path;  ///< from the file's folder; often without its extension
  std::string mask_path;  ///< empty where there is none
  /// [4, 4] row-major, OpenGL's axes: x right, y up, z back.
  std::array<double, 16> world_from_camera = {};
  std::optional<double> time;
  TransformsIntrinsics intrinsics;  ///< the file's, and what the frame says besides
};

struct TransformsFile {
  std::vector<TransformsFrame> frames;
  std::string ply_file_path;  ///< first points; empty where there are none
  /// nerfstudio's own split; file_path of each.
  std::optional<std::vector<std::string>> train_filenames, val_filenames, test_filenames;
};

/// Throws Error naming the file and the field: no JSON, no frames, matrices that are not [4, 4] (or [3, 4]) of finite
/// numbers.
TransformsFile read_transforms_json(const std::filesystem::path& path);
TransformsFile parse_transforms_json(std::span<const std::byte> bytes, const std::string& name);

}  // namespace orrery::formats
