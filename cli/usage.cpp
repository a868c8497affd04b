#include "cli/usage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "cli/manual/describe.h"

namespace orrery::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  return names;
}

// Levenshtein's distance, row by row.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string usage_problem(const CLI::App& app, const CLI::Error& error, int argc, char** argv) {
  const CLI::App& command = chosen_command(app);
  const auto suggested = [](const std::string& word, const std::vector<std::string>& candidates,
                            const std::string& otherwise) {
    const std::string suggestion = nearest(word, candidates);
    return suggestion.empty() ? otherwise : "did you mean " + suggestion + "?";
  };
  const std::string full = full_name(command), name = full.empty() ? "orrery" : "orrery " + full;
  const std::string help = fmt::format("see {} --help", name);
  // A group's own name stands before the word that it does not know.
  const int word = 1 + static_cast<int>(full.empty() ? 0 : 1 + std::ranges::count(full, ' '));
  if (is_group(command) && argc > word && argv[word][0] != '-')
    return one_line(name + ": ", fmt::format("there is no command {}; {}", argv[word],
                                             suggested(argv[word], command_names(command), help)));
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError))
    return one_line(name + ": ", fmt::format("{}; {}", error.what(), help));
  const std::vector<std::string> options = option_names(command);
  for (const char* word : std::span(argv + 1, static_cast<size_t>(argc - 1))) {
    std::string option = std::string(word).substr(0, std::string_view(word).find('='));
    if (option.size() > 1 && option[1] != '-') option.resize(2);                             // -n5
    if (option.size() > 1 && std::isdigit(static_cast<unsigned char>(option[1]))) continue;  // a number
    if (option == "--") break;
    if (option.starts_with('-') && option != "-" && std::ranges::find(options, option) == options.end())
      return one_line(name + ": ",
                      fmt::format("there is no option {}; {}", option,
                                  suggested(option, options, help + "; text that begins with - goes after --")));
  }
  return one_line(name + ": ", fmt::format("{}; text of several words goes into quotes", error.what()));
}

std::string one_line(std::string_view prefix, std::string_view message) {
  std::string line = fmt::format("{}{}", prefix, message);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line + "\n";
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_edits = 3;
  for (const std::string& candidate : candidates) {
    const size_t distance = edits(word, candidate);
    if (distance >= best_edits || distance >= candidate.size()) continue;
    best = candidate;
    best_edits = distance;
  }
  return best;
}

}  // namespace orrery::cli
