#include <fmt/format.h>

#include "cli/manual/documents.h"
#include "cli/manual/facts.h"

namespace orrery::cli {
namespace {

// In a table's cell: a bar would end it, an angle bracket would be taken for HTML.
std::string cell(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|')
      escaped += "\\|";
    else if (c == '<')
      escaped += "&lt;";
    else
      escaped += c;
  }
  return escaped;
}

std::string code_cell(const std::string& text) {
  std::string escaped;
  for (char c : text) escaped += c == '|' ? "\\|" : std::string(1, c);
  return "`" + escaped + "`";
}

std::string facts_table(const std::string& head, const std::vector<Fact>& facts) {
  std::string text = fmt::format("| {} | meaning |\n| --- | --- |\n", head);
  for (const Fact& fact : facts) text += fmt::format("| {} | {} |\n", code_cell(fact.name), cell(fact.meaning));
  return text;
}

std::string command_section(const CommandPage& page) {
  std::string text = fmt::format("\n## orrery {}\n\n{}.\n\n```sh\n", page.name, page.description);
  for (const Example& example : page.examples) text += fmt::format("{}  # {}\n", example.command, example.effect);
  if (page.examples.empty()) text += page.synopsis() + "\n";
  text += "```\n";
  if (!page.examples.empty()) text += fmt::format("\n`{}`\n", page.synopsis());
  for (const OptionGroup& group : page.groups) {
    text += fmt::format("\n| {} | meaning | default |\n| --- | --- | --- |\n", group.title);
    for (const OptionPage& option : group.options)
      text += fmt::format("| {} | {} | {} |\n", code_cell(option.title()), cell(option.description),
                          option.fallback.empty() ? "" : code_cell(option.fallback));
  }
  return text;
}

}  // namespace

std::string markdown_guide(const std::string& description, const std::vector<CommandPage>& pages) {
  std::string text =
      "<!-- Made by `orrery help-dump --markdown docs/cli.md` from what --help says; change it there. -->\n";
  text += fmt::format("# The command line\n\n{}.\n\n| command | what it does |\n| --- | --- |\n", description);
  for (const CommandPage& page : pages)
    text += fmt::format("| [{}](#{}) | {} |\n", page.name, page.file_name(), cell(page.description));
  text +=
      "\nEvery command that reports something prints one JSON document with `--json`. Answers go to standard output; "
      "progress,\n"
      "statistics and problems go to standard error.\n\n";
  text += facts_table("exit code", exit_codes()) + "\n" + facts_table("environment", environment_variables());
  for (const CommandPage& page : pages) text += command_section(page);
  return text;
}

}  // namespace orrery::cli
