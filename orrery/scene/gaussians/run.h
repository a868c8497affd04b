// From a folder of photos to a scene of Gaussians.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orrery/scene/gaussians/settings.h"

namespace orrery::scene {

struct TrainSummary {
  size_t photos = 0, held_out = 0;
  int64_t steps = 0, gaussians = 0;
  std::optional<double> psnr, ssim, lpips;  ///< means over the held-out photos
  std::filesystem::path scene;              ///< RUN/scene.ply
  std::vector<std::string> notes;           ///< what the data set's reader decided, and what looked wrong (watch.h)
};

/// In RUN (settings.out): what train::run leaves there; config.toml; scene.ply; cameras.json, which
/// views it was learned from, corrected where poses are; with exposure, exposure.json; and of every held-out photo
/// test/NAME.png, the scene beside the photo, and test/index.html (held_out.h). Throws Error where the data or the
/// settings are wrong.
TrainSummary train_gaussians(const TrainSettings& settings);

}  // namespace orrery::scene
