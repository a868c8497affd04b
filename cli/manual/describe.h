// The commands as data, read from the parser itself, so that --help, man pages, docs/cli.md and completions all say the
// same.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace orrery::cli {

struct OptionPage {
  std::vector<std::string> names;    ///< "-n", "--max-tokens"; empty for an argument
  std::string value;                 ///< "N", "FILE"; empty for a flag
  std::vector<std::string> choices;  ///< where only these are allowed
  std::string description;
  std::string fallback;  ///< the default; empty where there is none to show
  bool required = false;

  bool is_argument() const { return names.empty(); }
  /// "-n, --max-tokens N"
  std::string title() const;
  /// The description with the default behind it.
  std::string text() const;
};

struct OptionGroup {
  std::string title;  ///< "Arguments", "Options", "Sampling", …
  std::vector<OptionPage> options;
};

/// A command line and what it does.
struct Example {
  std::string command, effect;
};

struct CommandPage {
  std::string name, description;
  std::vector<OptionGroup> groups;  ///< arguments first
  std::vector<Example> examples;

  /// "orrery run [OPTIONS] MODEL [PROMPT]"
  std::string synopsis() const;
};

/// Gives a command its examples; describe_command() finds them.
void set_examples(CLI::App& command, const std::vector<Example>& examples);

CommandPage describe_command(const CLI::App& command);
/// The commands that people are told about, in the order of the table in main.cpp.
std::vector<CommandPage> describe_commands(const CLI::App& app);

/// What --help prints: of one command, and of the program.
std::string help_text(const CommandPage& page);
std::string help_text(const CLI::App& app);

}  // namespace orrery::cli
