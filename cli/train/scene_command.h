// orrery scene train, as it was typed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace orrery::cli {

struct SceneTrainCommand {
  std::string data, out, config;
  std::map<std::string, std::vector<std::string>> given;  ///< settings by name (scene/gaussians/fields.h), as texts
  bool resume = false, quiet = false;
};

}  // namespace orrery::cli
