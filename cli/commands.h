// The commands, one file each. add_X adds the subcommand X to the program; its callback does the work.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace orrery::cli {

struct SceneCheckCommand;
struct ScenePosesCommand;
struct SceneTrainCommand;
struct TrainCommand;

void add_run(CLI::App& app);
void add_chat(CLI::App& app);
void add_models(CLI::App& app);
void add_inspect(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_template(CLI::App& app);
void add_convert(CLI::App& app);
void add_quantize(CLI::App& app);
void add_merge(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_bench(CLI::App& app);
void add_plan(CLI::App& app);
void add_serve(CLI::App& app);
void add_completion(CLI::App& app);
void add_help(CLI::App& app);
void add_help_dump(CLI::App& app);

/// `orrery scene`, which has subcommands of its own, on both sides of the libtorch line; it does nothing without one.
CLI::App& add_scene(CLI::App& app);
void add_scene_convert(CLI::App& scene);
void add_scene_info(CLI::App& scene);
void add_scene_render(CLI::App& scene);
void add_scene_view(CLI::App& scene);

/// Commands below the libtorch line: their options are declared in both programs, and `run` is what this one does.
void add_train(CLI::App& app, std::function<void(const TrainCommand&)> run);
void add_scene_train(CLI::App& scene, std::function<void(const SceneTrainCommand&)> run);
void add_scene_check(CLI::App& scene, std::function<void(const SceneCheckCommand&)> run);
void add_scene_poses(CLI::App& scene, std::function<void(const ScenePosesCommand&)> run);

}  // namespace orrery::cli
