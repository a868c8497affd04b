// orrery scene: the group of commands on captured scenes.
#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace orrery::cli {

CLI::App& add_scene(CLI::App& app) {
  CLI::App* scene = app.add_subcommand("scene", "Work on captured 3D scenes");
  scene->require_subcommand(0, 1);  // without one it prints their list
  return *scene;
}

}  // namespace orrery::cli
