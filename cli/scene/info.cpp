// orrery scene info: what a scene file holds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "orrery/base/progress.h"
#include "orrery/splat/file.h"

namespace orrery::cli {
namespace {

void info(const std::string& file, bool json) {
  const splat::LoadedScene read = splat::load_scene(file);
  const splat::Box box = splat::bounding_box(read.scene);
  if (json)
    return print_json({{"file", file},
                       {"format", read.format->name},
                       {"bytes", read.bytes},
                       {"count", read.scene.count()},
                       {"sh_degree", read.scene.sh_degree},
                       {"antialiased", read.scene.antialiased},
                       {"min", box.min},
                       {"max", box.max}});
  print(fmt::format(
      "{}: {}, {}\nGaussians    {}\nSH degree    {}\nantialiased  {}\ncentres      {:.4g} {:.4g} {:.4g} to "
      "{:.4g} {:.4g} {:.4g}\n",
      file, read.format->name, bytes_text(static_cast<double>(read.bytes)), read.scene.count(), read.scene.sh_degree,
      read.scene.antialiased ? "yes" : "no", box.min[0], box.min[1], box.min[2], box.max[0], box.max[1], box.max[2]));
}

}  // namespace

void add_scene_info(CLI::App& scene) {
  struct Options {
    std::string file;
    bool json = false;
  };
  CLI::App* command = scene.add_subcommand("info", "Show a Gaussian scene's format, count, harmonics and box");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "A scene file or SOG folder")->required()->option_text("FILE");
  command->add_flag("--json", options->json, "Print it as JSON");
  set_examples(*command, {{"orrery scene info scene.spz", "how many Gaussians, and where"}});
  command->callback([options] { info(options->file, options->json); });
}

}  // namespace orrery::cli
