// The options of orrery scene train, declared from the table of settings.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/manual/describe.h"
#include "cli/scene/commands.h"
#include "cli/settings/declare.h"
#include "orrery/scene/gaussians/fields.h"

namespace orrery::cli {

void add_scene_train(CLI::App& scene, std::function<void(const SceneTrainCommand&)> run) {
  CLI::App* command = scene.add_subcommand("train", "Make a scene of Gaussians from photos with poses");
  auto typed = std::make_shared<SceneTrainCommand>();
  command->add_option("folder", typed->data, "Photos with poses: COLMAP, Blender, nerfstudio, OpenSfM")
      ->option_text("DIR");
  command->add_option("-o,--out", typed->out, "The run's folder: settings, metrics, checkpoints, scene.ply")
      ->required()
      ->option_text("RUN");
  command->add_option("--config", typed->config, "Settings from a TOML file; options that are given count more")
      ->option_text("FILE");
  command->add_flag("--resume", typed->resume, "Go on from the run's last checkpoint, with the run's settings");
  command->add_flag("-q,--quiet", typed->quiet, "No progress");
  const scene::TrainSettings defaults;
  const DeclareSettings declare(*command, typed->given);
  scene::visit_fields(defaults, [&](const train::Field& field, const auto& member, const auto&... names) {
    if (std::string_view(field.name) != "data") declare(field, member, names...);  // stands without a name
  });
  set_examples(*command,
               {{"orrery scene train photos/ --out runs/castle", "7,000 steps; runs/castle/scene.ply"},
                {"orrery scene train photos/ --out runs/best --max-steps 30000 --antialiased", "the paper's length"},
                {"orrery scene train photos/ --out runs/small --densification mcmc --max-gaussians 100000",
                 "as good as so many Gaussians can be"},
                {"orrery scene train photos/ --out runs/phone --exposure --pose-lr 0.001",
                 "photos that differ in exposure, from poses that are not quite right"},
                {"orrery scene train --out runs/castle --resume", "after a power cut"}});
  command->callback([typed, run = std::move(run)] { run(*typed); });
}

}  // namespace orrery::cli
