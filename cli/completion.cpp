// orrery completion: a script that lets the shell complete commands, options and model names.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/documents.h"

namespace orrery::cli {

void add_completion(CLI::App& app) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "The shell")
      ->required()
      ->option_text("bash|zsh|fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  set_examples(*command, {{"source <(orrery completion bash)", "in ~/.bashrc"},
                          {"orrery completion zsh > \"${fpath[1]}/_orrery\"", "once, for zsh"},
                          {"orrery completion fish > ~/.config/fish/completions/orrery.fish", "once, for fish"}});
  command->callback([shell, &app] {
    const std::vector<CommandPage> pages = describe_commands(app);
    print(*shell == "bash" ? bash_completion(pages) : *shell == "zsh" ? zsh_completion(pages) : fish_completion(pages));
  });
}

}  // namespace orrery::cli
