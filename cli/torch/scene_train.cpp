#include "cli/torch/scene.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/io.h"
#include "cli/settings/texts.h"
#include "orrery/scene/gaussians/fields.h"
#include "orrery/scene/gaussians/run.h"
#include "orrery/scene/gaussians/settings_file.h"

namespace orrery::cli {
namespace {

/// Defaults, then --config (or the settings of the run that goes on), then what was typed.
scene::TrainSettings settings_of(const SceneTrainCommand& command) {
  scene::TrainSettings settings;
  std::filesystem::path file = command.config;
  if (file.empty() && command.resume) file = std::filesystem::path(command.out) / "config.toml";
  if (!file.empty()) scene::read_settings(file, settings);
  scene::visit_fields(settings, [&](const train::Field& field, auto& member, const auto&... names) {
    const auto given = command.given.find(field.name);
    if (given != command.given.end()) from_texts(given->second, field.name, member, names...);
  });
  if (!command.data.empty()) settings.data = command.data;
  settings.out = command.out;
  settings.loop.resume = command.resume;
  settings.loop.quiet = command.quiet;
  return settings;
}

}  // namespace

void scene_train(const SceneTrainCommand& command) {
  const scene::TrainSummary summary = scene::train_gaussians(settings_of(command));
  if (command.quiet) return;
  std::string text;
  for (const std::string& note : summary.notes) text += note + "\n";
  text += fmt::format("{}: {} Gaussians, {} steps on {} photos\n", summary.scene.string(), summary.gaussians,
                      summary.steps, summary.photos);
  if (summary.psnr) {
    const std::string lpips = summary.lpips ? fmt::format(", LPIPS {:.4f}", *summary.lpips) : "";
    text += fmt::format("{} held-out photos: PSNR {:.2f} dB, SSIM {:.4f}{}; {} shows them beside the scene\n",
                        summary.held_out, *summary.psnr, *summary.ssim, lpips,
                        (summary.scene.parent_path() / "test").string());
  }
  print(text);
}

}  // namespace orrery::cli
