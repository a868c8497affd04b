#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/manual/documents.h"

namespace orrery::cli {
namespace {

bool takes_model(const OptionPage& argument) { return argument.value.starts_with("MODEL"); }
bool takes_command(const OptionPage& argument) { return argument.value == "[COMMAND]"; }
bool takes_file(const OptionPage& option) {
  return option.value.find("FILE") != std::string::npos || option.value == "INPUT" || option.value == "OUTPUT" ||
         option.value == "HUB";
}

// 'text' in bash and zsh: a quote inside ends the quotes, stands escaped, and begins them again.
std::string quoted(const std::string& text) {
  std::string escaped;
  for (char c : text) escaped += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + escaped + "'";
}

// fish knows \\ and \' inside quotes.
std::string fish_quoted(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\'' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return "'" + escaped + "'";
}

template <class Visit>
void each_option(const CommandPage& page, Visit visit) {
  for (const OptionGroup& group : page.groups)
    for (const OptionPage& option : group.options) visit(option);
}

/// A word behind `orrery` and what it stands for: one command, or the commands of a group ("scene convert", "scene
/// info").
struct Entry {
  std::string word, description;
  std::vector<CommandPage> commands;  ///< a group's, with the names that stand behind its own
  bool is_group() const { return commands.size() > 1 || commands.front().name != word; }
};

std::vector<std::string> command_names(const std::vector<CommandPage>& pages) {
  std::vector<std::string> names;
  for (const CommandPage& page : pages) names.push_back(page.name);
  return names;
}

std::vector<Entry> entries_of(const std::vector<CommandPage>& pages) {
  std::vector<Entry> entries;
  for (CommandPage page : pages) {
    const size_t space = page.name.find(' ');
    const std::string word = page.name.substr(0, space);
    if (space != page.name.npos) page.name.erase(0, space + 1);
    if (entries.empty() || entries.back().word != word) entries.push_back({word, page.description, {}});
    entries.back().commands.push_back(std::move(page));
  }
  for (Entry& entry : entries)
    if (entry.is_group()) entry.description = fmt::format("{}", fmt::join(command_names(entry.commands), ", "));
  return entries;
}

std::vector<std::string> words_of(const std::vector<Entry>& entries) {
  std::vector<std::string> words;
  for (const Entry& entry : entries) words.push_back(entry.word);
  return words;
}

// Whether one of a command's arguments may be a file; a model may.
bool takes_files(const CommandPage& page) {
  bool takes = false;
  each_option(page, [&](const OptionPage& option) {
    takes |= option.is_argument() && (takes_model(option) || takes_file(option));
  });
  return takes;
}

// One command's branch: what follows an option that takes a value, then options, then arguments.
std::string bash_case(const CommandPage& page) {
  std::string values, arguments;
  std::vector<std::string> names, files, free;
  each_option(page, [&](const OptionPage& option) {
    if (option.is_argument()) {
      if (takes_model(option)) arguments += " -W \"$(orrery models --names 2>/dev/null)\"";
      if (takes_command(option)) arguments += " -W \"$commands\"";
      if (!option.choices.empty()) arguments += fmt::format(" -W \"{}\"", fmt::join(option.choices, " "));
      return;
    }
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty()) return;
    const std::string typed = fmt::format("{}", fmt::join(option.names, "|"));
    if (!option.choices.empty())
      values += fmt::format("        {}) _orrery_offer -W \"{}\"; return ;;\n", typed, fmt::join(option.choices, " "));
    else
      (takes_file(option) ? files : free).push_back(typed);
  });
  if (!files.empty()) values += fmt::format("        {}) _orrery_offer -f; return ;;\n", fmt::join(files, "|"));
  if (!free.empty()) values += fmt::format("        {}) return ;;\n", fmt::join(free, "|"));
  if (takes_files(page)) arguments += " -f";
  std::string text = fmt::format("    {})\n", page.name);
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  const std::string options = fmt::format("_orrery_offer -W \"{}\"", fmt::join(names, " "));
  if (arguments.empty()) return text + "      " + options + " ;;\n";
  return text + fmt::format("      if [[ $word == -* ]]; then {}; else _orrery_offer{}; fi ;;\n", options, arguments);
}

std::string bash_entry(const Entry& entry) {
  if (!entry.is_group()) return bash_case(entry.commands.front());
  std::string text = fmt::format(
      "    {})\n      if ((COMP_CWORD == 2)); then _orrery_offer -W \"{}\"; return; fi\n"
      "      case ${{COMP_WORDS[2]}} in\n",
      entry.word, fmt::join(command_names(entry.commands), " "));
  for (const CommandPage& page : entry.commands) text += bash_case(page);
  return text + "      esac ;;\n";
}

std::string zsh_action(const OptionPage& option) {
  if (takes_command(option)) return "_orrery_commands";
  if (!option.choices.empty()) return fmt::format("({})", fmt::join(option.choices, " "));
  if (takes_model(option)) return "_orrery_models";
  return takes_file(option) ? "_files" : " ";
}

// In _arguments' specifications brackets and colons have a meaning.
std::string zsh_escaped(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string zsh_case(const CommandPage& page) {
  std::string text = fmt::format("        {})\n          _arguments -s", page.name);
  each_option(page, [&](const OptionPage& option) {
    if (option.is_argument()) {
      text += " \\\n            " + quoted(fmt::format(":{}:{}", zsh_escaped(option.value), zsh_action(option)));
      return;
    }
    for (const std::string& name : option.names) {
      const std::string value =
          option.value.empty() ? "" : fmt::format(":{}:{}", zsh_escaped(option.value), zsh_action(option));
      text += " \\\n            " + quoted(fmt::format("{}[{}]{}", name, zsh_escaped(option.description), value));
    }
  });
  return text + " ;;\n";
}

// A group's own arguments are a command and what follows it.
std::string zsh_entry(const Entry& entry) {
  if (!entry.is_group()) return zsh_case(entry.commands.front());
  std::string text = fmt::format(
      "        {})\n          state=\n"
      "          _arguments -C '1:command:({})' '*::argument:->argument'\n"
      "          [[ $state == argument ]] || return\n          case $words[1] in\n",
      entry.word, fmt::join(command_names(entry.commands), " "));
  for (const CommandPage& page : entry.commands) text += zsh_case(page);
  return text + "          esac ;;\n";
}

std::string fish_lines(const CommandPage& page, const std::vector<std::string>& commands) {
  const std::string start = fmt::format("complete -c orrery -n '__orrery_is {}'", page.name);
  std::string text;
  if (!takes_files(page)) text += start + " -f\n";
  each_option(page, [&](const OptionPage& option) {
    if (option.is_argument()) {
      if (takes_model(option)) text += start + " -a '(orrery models --names 2>/dev/null)'\n";
      if (takes_command(option)) text += fmt::format("{} -a '{}'\n", start, fmt::join(commands, " "));
      if (!option.choices.empty()) text += fmt::format("{} -a '{}'\n", start, fmt::join(option.choices, " "));
      return;
    }
    text += start;
    for (const std::string& name : option.names)
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.choices.empty())
      text += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
    else if (!option.value.empty())
      text += takes_file(option) ? " -r -F" : " -x";
    text += " -d " + fish_quoted(option.description) + "\n";
  });
  return text;
}

}  // namespace

std::string bash_completion(const std::vector<CommandPage>& pages) {
  const std::vector<Entry> entries = entries_of(pages);
  std::string text = fmt::format(
      "# bash completion of orrery: source <(orrery completion bash)\n"
      "_orrery_offer() {{ mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$word\"); }}\n"
      "_orrery() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local commands=\"{}\"\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then _orrery_offer -W \"$commands --help --version\"; return; fi\n"
      "  case ${{COMP_WORDS[1]}} in\n",
      fmt::join(words_of(entries), " "));
  for (const Entry& entry : entries) text += bash_entry(entry);
  return text + "  esac\n}\ncomplete -o filenames -F _orrery orrery\n";
}

std::string zsh_completion(const std::vector<CommandPage>& pages) {
  const std::vector<Entry> entries = entries_of(pages);
  std::string text =
      "#compdef orrery\n"
      "# zsh completion of orrery: source <(orrery completion zsh), or put it into a folder of $fpath as _orrery\n"
      "_orrery_models() {\n"
      "  local -a names; names=(${(f)\"$(orrery models --names 2>/dev/null)\"})\n"
      "  _alternative \"models:model:(${names[*]})\" 'files:file:_files'\n"
      "}\n"
      "_orrery_commands() {\n"
      "  local -a commands; commands=(";
  for (const Entry& entry : entries) text += "\n    " + quoted(entry.word + ":" + zsh_escaped(entry.description));
  text +=
      ")\n  _describe command commands\n}\n"
      "_orrery() {\n"
      "  local context state line\n"
      "  _arguments -C '(- 1 *)'{-h,--help}'[Print help]' '(- 1 *)--version[Print the version]' \\\n"
      "    '1:command:_orrery_commands' '*::argument:->argument'\n"
      "  case $state in\n"
      "    argument)\n      case $words[1] in\n";
  for (const Entry& entry : entries) text += zsh_entry(entry);
  return text +
         "      esac ;;\n  esac\n}\nif [[ $zsh_eval_context == *file* ]]; then compdef _orrery orrery; else _orrery "
         "\"$@\"; fi\n";
}

std::string fish_completion(const std::vector<CommandPage>& pages) {
  const std::vector<Entry> entries = entries_of(pages);
  std::string text =
      "# fish completion of orrery: orrery completion fish | source\n"
      "function __orrery_is\n"
      "  set -l words (commandline -opc)\n"
      "  for i in (seq (count $argv))\n"
      "    set -l word\n"
      "    set -q words[(math $i + 1)]; and set word $words[(math $i + 1)]\n"
      "    test \"$word\" = \"$argv[$i]\"; or return 1\n"
      "  end\n"
      "end\n";
  const std::string start = "complete -c orrery -n '__orrery_is \"\"' -f";
  text += start + " -s h -l help -d 'Print help'\n" + start + " -l version -d 'Print the version'\n";
  for (const Entry& entry : entries) {
    text += fmt::format("{} -a {} -d {}\n", start, entry.word, fish_quoted(entry.description));
    if (!entry.is_group()) continue;
    for (const CommandPage& page : entry.commands)
      text += fmt::format("complete -c orrery -n '__orrery_is {} \"\"' -f -a {} -d {}\n", entry.word, page.name,
                          fish_quoted(page.description));
  }
  for (const CommandPage& page : pages) text += fish_lines(page, words_of(entries));
  return text;
}

}  // namespace orrery::cli
