// orrery scene view: walk through a scene in a browser.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/browser.h"
#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "orrery/base/progress.h"
#include "orrery/serve/scene/viewer.h"

namespace orrery::cli {
namespace {

struct ViewSceneCommand {
  serve::ViewOptions options;
  std::string page;  ///< to write instead of serving
  bool no_browser = false;
};

void view(const ViewSceneCommand& command) {
  if (!command.page.empty()) {
    const uint64_t bytes = serve::export_scene(command.options, command.page);
    return print(fmt::format("{}: {}\n", command.page, bytes_text(static_cast<double>(bytes))));
  }
  serve::view_scene(command.options, [&](const std::string& address) {
    print(address + "\n");
    if (!command.no_browser) open_browser(address);
  });
}

}  // namespace

void add_scene_view(CLI::App& scene) {
  CLI::App* command = scene.add_subcommand("view", "Walk through a Gaussian scene in a browser");
  auto options = std::make_shared<ViewSceneCommand>();
  command
      ->add_option("scene", options->options.scene,
                   "A scene file in any format, a SOG folder, or the folder of a training run, whose scene is shown as "
                   "it grows")
      ->required()
      ->option_text("SCENE");
  command
      ->add_option("--cameras", options->options.cameras,
                   "cameras.json: where the photos were taken, and the photos; of a run's folder its own")
      ->option_text("FILE");
  command->add_option("--port", options->options.port, "The port of 127.0.0.1 to serve at; 0: a free one")
      ->option_text("N")
      ->capture_default_str();
  command->add_flag("--no-browser", options->no_browser, "Print the address and open no browser");
  command
      ->add_option("--export", options->page, "Write one page that holds the scene and works without a server, and end")
      ->option_text("FILE.html");
  set_examples(*command, {{"orrery scene view garden.ply", "opens the browser; Ctrl-C ends it"},
                          {"orrery scene view runs/garden", "a training run, as it goes, and its photos"},
                          {"orrery scene view garden.ply --export garden.html", "a page to send to somebody"}});
  command->callback([options] { view(*options); });
}

}  // namespace orrery::cli
