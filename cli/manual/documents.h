// Man pages, docs/cli.md and shell completions, made from the commands' own descriptions.
#pragma once

#include <string>
#include <vector>

#include "cli/manual/describe.h"

namespace orrery::cli {

/// orrery-NAME(1), in man(7) macros.
std::string man_page(const CommandPage& page);
/// orrery(1): the program, its commands, environment and exit codes.
std::string man_page_of_program(const std::string& description, const std::vector<CommandPage>& pages);

/// docs/cli.md.
std::string markdown_guide(const std::string& description, const std::vector<CommandPage>& pages);

/// Scripts that the shells load. Model names come from `orrery models --names` at the time of completion.
std::string bash_completion(const std::vector<CommandPage>& pages);
std::string zsh_completion(const std::vector<CommandPage>& pages);
std::string fish_completion(const std::vector<CommandPage>& pages);

}  // namespace orrery::cli
