// What is wrong with a scene's data, before hours of training show it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/progress.h"
#include "orrery/scene/data/raw_scene.h"

namespace orrery::scene {

enum class Weight {
  kFatal,    ///< training could not start, or would stop at this picture
  kWarning,  ///< training would run, and its result suffer
  kNote,     ///< worth knowing
};

struct Finding {
  Weight weight = Weight::kNote;
  std::string text;  ///< a sentence or two: what, which, and what can be done
};

struct CheckOptions {
  ReadOptions read;
  /// A picture of cameras and points from above; empty: none is written.
  std::filesystem::path svg;
  ProgressStyle progress = ProgressStyle::kAuto;
};

struct CheckReport {
  std::string kind;
  size_t frames = 0, train = 0, test = 0, validation = 0, cameras = 0, points = 0;
  std::vector<Finding> findings;  ///< the heaviest first
  bool can_train() const;
};

/// Reads the scene and opens all of its pictures, on all threads. Throws Error where there is no scene to check.
CheckReport check_scene(const std::filesystem::path& folder, const CheckOptions& options = {});

}  // namespace orrery::scene
