// The options of orrery scene check.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/manual/describe.h"
#include "cli/scene/commands.h"

namespace orrery::cli {

void add_scene_check(CLI::App& scene, std::function<void(const SceneCheckCommand&)> run) {
  CLI::App* command = scene.add_subcommand("check", "Look for what is wrong with a scene's photos and poses");
  auto typed = std::make_shared<SceneCheckCommand>();
  command->add_option("scene", typed->folder, "Folder with COLMAP's sparse/0, transforms.json or reconstruction.json")
      ->required()
      ->option_text("DIR");
  command->add_option("--svg", typed->svg, "A picture of cameras and points from above; red cameras are in trouble")
      ->option_text("FILE");
  add_scene_reading_options(*command, typed->reading);
  command->add_flag("--json", typed->json, "Print findings as JSON");
  command->add_flag("-q,--quiet", typed->quiet, "No progress");
  set_examples(*command, {{"orrery scene check garden --svg garden.svg", "before hours of training"},
                          {"orrery scene check garden --json | jq '.findings[].text'", "for a script"}});
  command->callback([typed, run = std::move(run)] { run(*typed); });
}

void add_scene_reading_options(CLI::App& command, SceneReading& reading) {
  command.add_option("--format", reading.format, "What to read where a folder holds several")
      ->check(CLI::IsMember({"auto", "colmap", "transforms", "opensfm"}))
      ->option_text("NAME")
      ->capture_default_str();
  command.add_option("--images", reading.images, "Name of the folder of photos")
      ->option_text("NAME")
      ->capture_default_str();
  command.add_option("--downscale", reading.downscale, "Photos of NAME_N, so many times smaller")
      ->option_text("N")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

}  // namespace orrery::cli
