#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/io.h"
#include "cli/torch/scene.h"
#include "orrery/scene/poses/find_poses.h"

namespace orrery::cli {
namespace {

nlohmann::ordered_json json_of(const scene::PosesSummary& summary) {
  nlohmann::ordered_json document = {{"photos", summary.photos},
                                     {"registered", summary.registered},
                                     {"points", summary.points},
                                     {"other_models", summary.other_models},
                                     {"log", summary.log.string()}};
  document["unregistered"] = nlohmann::ordered_json::array();
  for (const auto& [name, reason] : summary.unregistered)
    document["unregistered"].push_back({{"name", name}, {"reason", reason}});
  return document;
}

}  // namespace

void scene_poses(const ScenePosesCommand& command) {
  const scene::PosesSummary summary =
      scene::find_poses({.photos = command.photos,
                         .out = command.out,
                         .camera_model = command.camera_model,
                         .single_camera = !command.many_cameras,
                         .matching = command.video ? scene::Matching::kSequential : scene::Matching::kExhaustive,
                         .max_features = command.max_features,
                         .threads = command.threads,
                         .progress = command.quiet || command.json ? ProgressStyle::kNone : ProgressStyle::kAuto});
  if (command.json) return print_json(json_of(summary));
  print(fmt::format("{} of {} photos have poses, {} points; COLMAP's log: {}\n", summary.registered, summary.photos,
                    summary.points, summary.log.string()));
  if (summary.other_models > 0)
    print(fmt::format("{} more groups of photos connect only among themselves\n", summary.other_models));
  for (const auto& [name, reason] : summary.unregistered) print(fmt::format("{}: {}\n", name, reason));
}

}  // namespace orrery::cli
