// The scene commands below the libtorch line, as they were typed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace orrery::cli {

/// Where a scene's files are.
struct SceneReading {
  std::string format = "auto", images = "images";
  int downscale = 1;
};
void add_scene_reading_options(CLI::App& command, SceneReading& reading);

struct SceneCheckCommand {
  std::string folder, svg;
  SceneReading reading;
  bool json = false, quiet = false;
};

struct ScenePosesCommand {
  std::string photos, out, camera_model = "OPENCV";
  bool many_cameras = false, video = false, json = false, quiet = false;
  int max_features = 8192, threads = 0;
};

struct SceneTrainCommand {
  std::string data, out, config;
  std::map<std::string, std::vector<std::string>> given;  ///< settings by name (scene/gaussians/fields.h), as texts
  bool resume = false, quiet = false;
};

}  // namespace orrery::cli
