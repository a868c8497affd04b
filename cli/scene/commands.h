// The scene commands below the libtorch line, as they were typed.
#pragma once

#include <string>

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

}  // namespace orrery::cli
