// The `orrery-torch` program: the commands below the libtorch line.
#include <c10/util/Logging.h>

#include "cli/commands.h"
#include "cli/program.h"
#include "cli/torch/scene.h"
#include "cli/torch/train.h"

namespace orrery::cli {
namespace {

void add_commands(CLI::App& app, char**) {
  add_train(app, train);
  CLI::App& scene = add_scene(app);
  add_scene_check(scene, scene_check);
  add_scene_poses(scene, scene_poses);
  add_scene_train(scene, scene_train);
}

}  // namespace
}  // namespace orrery::cli

int main(int argc, char** argv) {
  c10::SetStackTraceFetcher([] { return std::string(); });  // an Error of libtorch's is one line, too
  return orrery::cli::run_program(argc, argv, orrery::cli::add_commands);
}
