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
  std::string name, description;    ///< "run", "scene convert"
  std::vector<OptionGroup> groups;  ///< arguments first
  std::vector<Example> examples;

  /// "orrery run [OPTIONS] MODEL [PROMPT]"
  std::string synopsis() const;
  /// "orrery-scene-convert", as its man page is called.
  std::string file_name() const;
};

/// Gives a command its examples; describe_command() finds them.
void set_examples(CLI::App& command, const std::vector<Example>& examples);

CommandPage describe_command(const CLI::App& command);
/// The commands that people are told about, in the order of the table in main.cpp; in place of one that has commands of
/// its own, those ("scene convert").
std::vector<CommandPage> describe_commands(const CLI::App& app);

/// The command that was typed, as far as it was understood; the program itself where none was.
const CLI::App& chosen_command(const CLI::App& app);
/// The program, or a command that has commands of its own and does nothing without one.
bool is_group(const CLI::App& command);
/// "scene convert"; empty for the program.
std::string full_name(const CLI::App& command);

/// What --help prints: of one command, and of the program.
std::string help_text(const CommandPage& page);
std::string help_text(const CLI::App& app);
std::string help_text_of(const CLI::App& command);  ///< of a group, or of a command

}  // namespace orrery::cli
