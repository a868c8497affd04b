// orrery help: the same as --help.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/usage.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

void help(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) return print(help_text(app));
  const std::string topic = fmt::format("{}", fmt::join(words, " "));
  std::vector<std::string> names;
  for (const CommandPage& page : describe_commands(app)) {
    if (page.name == topic) return print(help_text(page));
    names.push_back(page.name);
  }
  for (const CLI::App* command : app.get_subcommands([&](const CLI::App* c) { return c->get_name() == topic; }))
    return print(help_text_of(*command));
  const std::string suggestion = nearest(topic, names);
  throw Error({.doing = "help with " + topic,
               .found = "no such command",
               .advice = suggestion.empty() ? "see orrery help" : "did you mean " + suggestion + "?"});
}

}  // namespace

void add_help(CLI::App& app) {
  CLI::App* command = app.add_subcommand("help", "Explain a command");
  auto topic = std::make_shared<std::vector<std::string>>();
  command->add_option("command", *topic, "The command; nothing lists them all")->option_text("[COMMAND]");
  set_examples(*command, {{"orrery help run", "what run can do"}});
  command->callback([topic, &app] { help(app, *topic); });
}

}  // namespace orrery::cli
