// The photos of a scene and where they were taken, for the viewer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/camera.h"

namespace orrery::serve {

struct SceneCamera {
  std::string name;
  View view;
  std::filesystem::path photo;  ///< JPEG, PNG or WebP; empty where there is none
};

/// Reads a JSON file:
///
///   {"cameras": [{"name": "100_7100.jpg", "width": 800, "height": 595, "fx": …, "fy": …, "cx": …, "cy": …,
///                 "camera_from_world": [16 numbers, by rows], "photo": "images/100_7100.jpg"}]}
///
/// in the conventions of orrery/base/camera.h; "photo", relative to the file's folder, may be left out. Throws Error
/// naming the file and the field: what is missing or of another type, sizes and focal lengths not above 0, photos that
/// are not there.
std::vector<SceneCamera> read_scene_cameras(const std::filesystem::path& path);

}  // namespace orrery::serve
