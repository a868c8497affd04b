// All that a run of Gaussians is told: `orrery scene train`, a TOML file, or an application. Free of libtorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "orrery/scene/gaussians/options.h"
#include "orrery/train/options.h"

namespace orrery::scene {

struct TrainSettings {
  TrainSettings() {
    loop.max_steps = 7000;
    loop.learning_rate = 1;  // a factor of all of GaussianOptions' rates
    loop.schedule.lr_scheduler_type = train::ScheduleKind::kConstant;
    loop.max_grad_norm = 0;
    loop.logging_steps = 50;
    loop.save_steps = loop.eval_steps = 1000;
  }

  std::string data;  ///< a folder that Dataset opens
  std::filesystem::path out;
  int downscale = 1;   ///< photos' width and height over this
  int test_every = 8;  ///< photos in the order of their names, the first one and every so many are held out; 0: none
  int64_t random_points = 100'000;  ///< where the data has no points to begin with
  std::string background;           ///< one of kBackgroundNames, instead of what the data has behind it
  std::vector<std::string> lpips;   ///< files of weights by which held-out photos are compared (nn::Lpips); empty: not
  int64_t scene_steps = 500;        ///< scene.ply is written every so many steps, for who looks on; 0: at the end alone
  std::string memory;               ///< "4G": a bound on Gaussians, gradients and moments; empty: none
  GaussianOptions gaussians;
  train::LoopOptions loop;
  int threads = 0;  ///< 0: one per core that this process may use
};

/// How many Gaussians "4G", "512M" hold while they learn; 0 of an empty text. Throws Error naming the setting.
int64_t gaussians_within(const std::string& memory, int sh_degree);

}  // namespace orrery::scene
