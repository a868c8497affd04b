// The options of orrery scene poses.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/manual/describe.h"
#include "cli/scene/commands.h"

namespace orrery::cli {

void add_scene_poses(CLI::App& scene, std::function<void(const ScenePosesCommand&)> run) {
  CLI::App* command = scene.add_subcommand("poses", "Find where photos were taken from, with COLMAP");
  auto typed = std::make_shared<ScenePosesCommand>();
  command->add_option("photos", typed->photos, "Folder of JPEG, PNG or WebP files of one still scene")
      ->required()
      ->option_text("PHOTOS");
  command->add_option("-o,--out", typed->out, "The scene's folder: sparse/0, a link to the photos, COLMAP's log")
      ->required()
      ->option_text("DIR");
  command->add_option("--camera-model", typed->camera_model, "COLMAP's camera model; a fisheye's: OPENCV_FISHEYE")
      ->option_text("NAME")
      ->capture_default_str();
  command->add_flag("--many-cameras", typed->many_cameras,
                    "Each photo has intrinsics of its own: several cameras, or a zoom");
  command->add_flag("--video", typed->video, "The photos are frames of a video: match each with its neighbours only");
  command->add_option("--max-features", typed->max_features, "Features of a photo")
      ->option_text("N")
      ->check(CLI::Range(100, 1'000'000))
      ->capture_default_str();
  command->add_option("--threads", typed->threads, "0: one per core")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--json", typed->json, "Print the summary as JSON");
  command->add_flag("-q,--quiet", typed->quiet, "No progress");
  set_examples(*command, {{"orrery scene poses photos --out garden", "then: orrery scene check garden"},
                          {"orrery scene poses frames --out walk --video", "frames that ffmpeg made of a video"}});
  command->callback([typed, run = std::move(run)] { run(*typed); });
}

}  // namespace orrery::cli
