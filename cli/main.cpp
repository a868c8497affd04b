// The `orrery` program: a table of commands.
#include "cli/program.h"

#include "cli/commands.h"
#include "cli/torch_program.h"

namespace orrery::cli {
namespace {

void add_commands(CLI::App& app, char** argv) {
  add_run(app);
  add_chat(app);
  add_models(app);
  add_inspect(app);
  add_tokenize(app);
  add_template(app);
  add_convert(app);
  add_quantize(app);
  add_merge(app);
  add_perplexity(app);
  add_bench(app);
  add_plan(app);
#ifdef ORRERY_SERVE
  add_serve(app);
#endif
  CLI::App& scene = add_scene(app);
  add_scene_convert(scene);
  add_scene_info(scene);
  add_scene_render(scene);
  add_scene_train(scene, [argv](const SceneTrainCommand&) { become_torch_program(argv); });
  add_scene_check(scene, [argv](const SceneCheckCommand&) { become_torch_program(argv); });
  add_scene_poses(scene, [argv](const ScenePosesCommand&) { become_torch_program(argv); });
#ifdef ORRERY_SERVE
  add_scene_view(scene);
#endif
  add_train(app, [argv](const TrainCommand&) { become_torch_program(argv); });
  add_completion(app);
  add_help(app);
  add_help_dump(app);
}

}  // namespace
}  // namespace orrery::cli

int main(int argc, char** argv) { return orrery::cli::run_program(argc, argv, orrery::cli::add_commands); }
