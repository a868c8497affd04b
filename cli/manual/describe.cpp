#include "cli/manual/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace orrery::cli {
namespace {

// "TEXT:{f32,f16}" -> {"f32", "f16"}
std::vector<std::string> choices_of(const std::string& type) {
  const size_t open = type.find('{'), close = type.find('}');
  if (open == type.npos || close == type.npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

std::string value_of(const CLI::Option& option, const std::vector<std::string>& choices) {
  if (!option.get_option_text().empty()) return option.get_option_text();
  if (option.get_type_size() == 0 || option.get_expected_max() == 0) return "";
  if (!choices.empty()) return fmt::format("{}", fmt::join(choices, "|"));
  const std::string type = option.get_type_name();
  if (type.starts_with("INT") || type.starts_with("UINT")) return "N";
  return type.starts_with("FLOAT") ? "NUMBER" : "TEXT";
}

OptionPage describe_option(const CLI::Option& option) {
  OptionPage page;
  for (const std::string& name : option.get_snames()) page.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) page.names.push_back("--" + name);
  page.choices = choices_of(option.get_type_name());
  page.value = value_of(option, page.choices);
  page.description = option.get_description();
  if (!page.value.empty()) page.fallback = option.get_default_str();
  page.required = option.get_required();
  return page;
}

// Words up to `width` columns a line; every line but the first begins with `indent`. Code points count as columns.
std::string wrapped(const std::string& text, size_t width, const std::string& indent) {
  std::string result;
  size_t column = 0;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    const auto length = static_cast<size_t>(std::ranges::count_if(word, [](char c) { return (c & 0xC0) != 0x80; }));
    if (column > 0 && column + 1 + length > width) {
      result += "\n" + indent;
      column = 0;
    }
    if (column > 0) result += ' ', ++column;
    result += word;
    column += length;
  }
  return result;
}

constexpr size_t kTitleColumns = 28, kTextColumns = 66;

std::string help_row(const std::string& title, const std::string& text) {
  const std::string indent(kTitleColumns + 2, ' ');
  const std::string body = wrapped(text, kTextColumns, indent);
  if (title.size() + 1 < kTitleColumns) return fmt::format("  {:<{}}{}\n", title, kTitleColumns, body);
  return fmt::format("  {}\n{}{}\n", title, indent, body);
}

}  // namespace

std::string OptionPage::title() const {
  if (names.empty()) return value;
  const std::string joined = fmt::format("{}", fmt::join(names, ", "));
  return value.empty() ? joined : joined + " " + value;
}

std::string OptionPage::text() const {
  return fallback.empty() ? description : fmt::format("{} (default {})", description, fallback);
}

std::string CommandPage::synopsis() const {
  std::string line = "orrery " + name + " [OPTIONS]";
  for (const OptionGroup& group : groups)
    for (const OptionPage& option : group.options) {
      if (option.is_argument())
        line += " " + option.value;
      else if (option.required)
        line += " " + option.names.back() + " " + option.value;
    }
  return line;
}

std::string CommandPage::file_name() const {
  std::string file = "orrery-" + name;
  std::ranges::replace(file, ' ', '-');
  return file;
}

void set_examples(CLI::App& command, const std::vector<Example>& examples) {
  // The parser keeps a text for the end of the help page: one example a line.
  std::vector<std::string> lines;
  for (const Example& example : examples) lines.push_back(example.command + "\t" + example.effect);
  command.footer(fmt::format("{}", fmt::join(lines, "\n")));
}

CommandPage describe_command(const CLI::App& command) {
  CommandPage page{.name = full_name(command), .description = command.get_description(), .groups = {{"Arguments", {}}}};
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    const std::string title = option->get_positional() ? "Arguments" : option->get_group();
    auto group = std::ranges::find(page.groups, title, &OptionGroup::title);
    if (group == page.groups.end()) group = page.groups.insert(page.groups.end(), {title, {}});
    group->options.push_back(describe_option(*option));
  }
  std::erase_if(page.groups, [](const OptionGroup& group) { return group.options.empty(); });
  for (const std::string& line : CLI::detail::split(command.get_footer(), '\n'))
    if (const size_t tab = line.find('\t'); tab != line.npos)
      page.examples.push_back({line.substr(0, tab), line.substr(tab + 1)});
  return page;
}

std::vector<CommandPage> describe_commands(const CLI::App& app) {
  std::vector<CommandPage> pages;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) {
    if (is_group(*command))
      std::ranges::move(describe_commands(*command), std::back_inserter(pages));
    else
      pages.push_back(describe_command(*command));
  }
  return pages;
}

const CLI::App& chosen_command(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : chosen_command(*commands.front());
}

bool is_group(const CLI::App& command) {
  return !command.get_subcommands([](const CLI::App*) { return true; }).empty();
}

std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return "";
  const std::string parent = full_name(*command.get_parent());
  return parent.empty() ? command.get_name() : parent + " " + command.get_name();
}

std::string help_text(const CommandPage& page) {
  std::string text = fmt::format("{}\n\nUsage: {}\n", page.description, page.synopsis());
  for (const OptionGroup& group : page.groups) {
    text += fmt::format("\n{}:\n", group.title);
    for (const OptionPage& option : group.options) text += help_row(option.title(), option.text());
  }
  if (!page.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : page.examples) text += fmt::format("  # {}\n  {}\n", example.effect, example.command);
  return text;
}

std::string help_text(const CLI::App& app) {
  const std::string name = full_name(app);
  std::string text = fmt::format("{}\n\nUsage: orrery {}COMMAND [OPTIONS]\n\nCommands:\n", app.get_description(),
                                 name.empty() ? "" : name + " ");
  for (const CommandPage& page : describe_commands(app)) text += help_row(page.name, page.description);
  text += "\nOptions:\n";
  for (const CLI::Option* option : app.get_options()) {
    const OptionPage page = describe_option(*option);
    text += help_row(page.title(), page.text());
  }
  return text + "\n`orrery COMMAND --help` lists a command's options and shows examples.\n";
}

std::string help_text_of(const CLI::App& command) {
  return is_group(command) ? help_text(command) : help_text(describe_command(command));
}

}  // namespace orrery::cli
