#include <fmt/format.h>

#include <algorithm>

#include "cli/manual/documents.h"
#include "cli/manual/facts.h"

namespace orrery::cli {
namespace {

// A backslash begins an escape, a hyphen may be typeset as a dash, a period or quote at the beginning of a line is a
// request.
std::string roff(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return (escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" : "") + escaped;
}

std::string title_line(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return fmt::format(".TH {} 1 \"\" \"orrery {}\" \"Orrery\"\n", name, ORRERY_VERSION);
}

std::string section(const std::string& title) {
  std::string upper = title;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return ".SH " + upper + "\n";
}

std::string entry(const std::string& title, const std::string& text) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(title), roff(text));
}

}  // namespace

std::string man_page(const CommandPage& page) {
  std::string text = title_line(page.file_name());
  text += section("Name") + fmt::format("{} \\- {}\n", roff(page.file_name()), roff(page.description));
  text += section("Synopsis") + roff(page.synopsis()) + "\n";
  for (const OptionGroup& group : page.groups) {
    text += section(group.title == "Options" || group.title == "Arguments" ? group.title : group.title + " options");
    for (const OptionPage& option : group.options) text += entry(option.title(), option.text());
  }
  if (!page.examples.empty()) text += section("Examples");
  for (const Example& example : page.examples)
    text += fmt::format(".TP\n{}:\n.nf\n{}\n.fi\n", roff(example.effect), roff(example.command));
  text += section("Exit status");
  for (const Fact& fact : exit_codes()) text += entry(fact.name, fact.meaning);
  return text + section("See also") + ".BR orrery (1)\n";
}

std::string man_page_of_program(const std::string& description, const std::vector<CommandPage>& pages) {
  std::string text = title_line("orrery");
  text += section("Name") + "orrery \\- language models, natively\n";
  text += section("Synopsis") + "orrery COMMAND [OPTIONS]\n" + section("Description") + roff(description) + ".\n";
  text += section("Commands");
  for (const CommandPage& page : pages) text += entry(page.file_name() + "(1)", page.description);
  text += section("Environment");
  for (const Fact& fact : environment_variables()) text += entry(fact.name, fact.meaning);
  text += section("Exit status");
  for (const Fact& fact : exit_codes()) text += entry(fact.name, fact.meaning);
  return text;
}

}  // namespace orrery::cli
