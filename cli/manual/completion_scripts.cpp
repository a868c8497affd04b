#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/manual/documents.h"

namespace orrery::cli {
namespace {

bool takes_model(const OptionPage& argument) { return argument.value.starts_with("MODEL"); }
bool takes_file(const OptionPage& option) {
  return option.value.find("FILE") != std::string::npos || option.value == "INPUT" || option.value == "OUTPUT" ||
         option.value == "HUB";
}

// 'text' in any of the three shells: a quote inside ends the quotes, stands escaped, and begins them again.
std::string quoted(const std::string& text) {
  std::string escaped;
  for (char c : text) escaped += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + escaped + "'";
}

template <class Visit>
void each_option(const CommandPage& page, Visit visit) {
  for (const OptionGroup& group : page.groups)
    for (const OptionPage& option : group.options) visit(option);
}

std::vector<std::string> command_names(const std::vector<CommandPage>& pages) {
  std::vector<std::string> names;
  for (const CommandPage& page : pages) names.push_back(page.name);
  return names;
}

// One command's branch: what follows an option that takes a value, then options, then arguments.
std::string bash_case(const CommandPage& page) {
  std::string values, arguments;
  std::vector<std::string> names;
  each_option(page, [&](const OptionPage& option) {
    if (option.is_argument()) {
      if (takes_model(option)) arguments = "$(orrery models --names 2>/dev/null)";
      if (!option.choices.empty()) arguments = fmt::format("{}", fmt::join(option.choices, " "));
      return;
    }
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty()) return;
    const std::string what = !option.choices.empty() ? fmt::format("-W \"{}\"", fmt::join(option.choices, " "))
                             : takes_file(option)    ? "-f"
                                                     : "-W ''";
    values += fmt::format("        {}) COMPREPLY=($(compgen {} -- \"$word\")); return ;;\n",
                          fmt::join(option.names, "|"), what);
  });
  std::string text = fmt::format("    {})\n", page.name);
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  text += fmt::format("      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return; fi\n",
                      fmt::join(names, " "));
  if (!arguments.empty()) text += fmt::format("      COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n", arguments);
  return text + "      COMPREPLY+=($(compgen -f -- \"$word\")) ;;\n";
}

std::string zsh_action(const OptionPage& option) {
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

std::string fish_lines(const CommandPage& page) {
  const std::string condition = quoted("__fish_seen_subcommand_from " + page.name);
  std::string text;
  each_option(page, [&](const OptionPage& option) {
    if (option.is_argument()) {
      if (takes_model(option))
        text += fmt::format("complete -c orrery -n {} -a '(orrery models --names 2>/dev/null)'\n", condition);
      return;
    }
    text += "complete -c orrery -n " + condition;
    for (const std::string& name : option.names)
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.choices.empty())
      text += fmt::format(" -x -a \"{}\"", fmt::join(option.choices, " "));
    else if (!option.value.empty())
      text += takes_file(option) ? " -r -F" : " -x";
    text += " -d " + quoted(option.description) + "\n";
  });
  return text;
}

}  // namespace

std::string bash_completion(const std::vector<CommandPage>& pages) {
  std::string text =
      "# bash completion of orrery: source <(orrery completion bash)\n"
      "_orrery() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\"))\n    return\n  fi\n",
                      fmt::join(command_names(pages), " "));
  text += "  case ${COMP_WORDS[1]} in\n";
  for (const CommandPage& page : pages) text += bash_case(page);
  return text + "  esac\n}\ncomplete -o filenames -F _orrery orrery\n";
}

std::string zsh_completion(const std::vector<CommandPage>& pages) {
  std::string text =
      "#compdef orrery\n"
      "# zsh completion of orrery: source <(orrery completion zsh), or put it into a folder of $fpath as _orrery\n"
      "_orrery_models() {\n"
      "  local -a names; names=(${(f)\"$(orrery models --names 2>/dev/null)\"})\n"
      "  _alternative \"models:model:(${names[*]})\" 'files:file:_files'\n"
      "}\n"
      "_orrery() {\n"
      "  local context state line\n"
      "  _arguments -C '1:command:->command' '*::argument:->argument'\n"
      "  case $state in\n"
      "    command)\n"
      "      local -a commands; commands=(";
  for (const CommandPage& page : pages) text += "\n        " + quoted(page.name + ":" + zsh_escaped(page.description));
  text += ")\n      _describe command commands ;;\n    argument)\n      case $words[1] in\n";
  for (const CommandPage& page : pages) text += zsh_case(page);
  return text +
         "      esac ;;\n  esac\n}\nif [[ $zsh_eval_context == *file* ]]; then compdef _orrery orrery; else _orrery "
         "\"$@\"; fi\n";
}

std::string fish_completion(const std::vector<CommandPage>& pages) {
  std::string text = "# fish completion of orrery: orrery completion fish | source\n";
  for (const CommandPage& page : pages)
    text += fmt::format("complete -c orrery -n __fish_use_subcommand -f -a {} -d {}\n", page.name,
                        quoted(page.description));
  for (const CommandPage& page : pages) text += fish_lines(page);
  return text;
}

}  // namespace orrery::cli
