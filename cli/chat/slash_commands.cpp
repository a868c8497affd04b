// What a person can type beside questions: one line per command in kCommands.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "cli/answer.h"
#include "cli/chat/chat_state.h"
#include "cli/documents.h"
#include "cli/io.h"
#include "cli/options.h"
#include "cli/usage.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

constexpr bool kGoOn = true, kLeave = false;

struct SlashCommand {
  std::string_view name, argument, effect;
  bool (*run)(ChatState& chat, const std::string& argument);
};

extern const std::array<SlashCommand, 12> kCommands;

bool help(ChatState&, const std::string&) {
  std::string text;
  for (const SlashCommand& command : kCommands)
    text += fmt::format("  {:<20}{}\n", fmt::format("{} {}", command.name, command.argument), command.effect);
  print(text +
        "  \"\"\"                 around a message of several lines; Alt-Enter begins a line\n"
        "  Ctrl-C              stops the answer; at the prompt, drops the line\n"
        "  Ctrl-D              leaves\n");
  return kGoOn;
}

bool clear(ChatState& chat, const std::string&) {
  chat.conversation.turns.clear();
  chat.forgotten = 0;
  print("(a new conversation)\n");
  return kGoOn;
}

bool system(ChatState& chat, const std::string& argument) {
  if (argument.empty()) {
    print(chat.conversation.system.empty() ? "(none: the model's template decides)\n"
                                           : chat.conversation.system + "\n");
  } else {
    chat.conversation.system = argument == "none" ? "" : argument;
    print("(from the next answer on)\n");
  }
  return kGoOn;
}

std::string file_name(const std::string& argument, const char* command) {
  if (argument.empty()) throw Error({.doing = fmt::format("run {}", command), .expected = "a file name"});
  return argument;
}

std::string counted_turns(const Conversation& conversation) {
  return fmt::format("{} messages", conversation.turns.size());
}

bool save(ChatState& chat, const std::string& argument) {
  chat.conversation.save(file_name(argument, "/save"), model_name(chat.engine.checkpoint()));
  print(fmt::format("({} in {})\n", counted_turns(chat.conversation), argument));
  return kGoOn;
}

bool load(ChatState& chat, const std::string& argument) {
  chat.conversation = Conversation::load(file_name(argument, "/load"));
  chat.forgotten = 0;
  print(fmt::format("({} from {})\n", counted_turns(chat.conversation), argument));
  return kGoOn;
}

bool file(ChatState& chat, const std::string& argument) {
  const std::string text = read_documents({.files = {file_name(argument, "/file")}});
  chat.documents = text::with_documents(chat.documents, text);
  print(fmt::format("({}: {} characters, before your next message)\n", argument, text.size()));
  return kGoOn;
}

bool undo(ChatState& chat, const std::string&) {
  if (!chat.conversation.undo()) throw Error({.doing = "undo", .found = "nothing said so far"});
  print(fmt::format("(took the last question back: {} left)\n", counted_turns(chat.conversation)));
  return kGoOn;
}

bool regen(ChatState& chat, const std::string&) {
  regenerate(chat);
  return kGoOn;
}

void list_settings(const CLI::App& settings) {
  std::string text;
  for (const CLI::Option* option : settings.get_options())
    if (!option->get_lnames().empty() && option->get_lnames().front() != "help")
      text += fmt::format("  {:<22}{:<8} {}\n", option->get_lnames().front(), option->get_default_str(),
                          option->get_description());
  print(text);
}

// The same options as on the command line, parsed by the same parser.
bool set(ChatState& chat, const std::string& argument) {
  text::Request request = chat.request;
  CLI::App settings;
  settings.set_help_flag();
  add_request_options(settings, request);
  if (argument.empty()) {
    list_settings(settings);
    return kGoOn;
  }
  const size_t space = argument.find(' ');
  std::vector<std::string> words = {"--" + argument.substr(0, space)};  // CLI11 takes them last first
  if (space != argument.npos) words.insert(words.begin(), argument.substr(argument.find_first_not_of(' ', space)));
  try {
    settings.parse(words);
  } catch (const CLI::ParseError& error) {
    throw Error({.doing = "run /set " + argument, .found = error.what(), .advice = "/set alone lists what there is"});
  }
  text::Sampler(request.sampling, chat.engine.checkpoint().tokenizer());  // refuses values without meaning
  chat.request = std::move(request);
  return kGoOn;
}

bool stats(ChatState& chat, const std::string& argument) {
  if (argument == "on" || argument == "off") {
    chat.show_stats = argument == "on";
    return kGoOn;
  }
  if (!chat.last) throw Error({.doing = "print statistics", .found = "no answer so far"});
  print(fmt::format("{}\ncontext: {} of {} tokens\n", stats_text(*chat.last),
                    chat.last->prompt_tokens + chat.last->completion_tokens, chat.engine.options().context));
  return kGoOn;
}

bool quit(ChatState&, const std::string&) { return kLeave; }

const std::array<SlashCommand, 12> kCommands = {{
    {"/help", "", "this list", help},
    {"/clear", "", "begin a new conversation", clear},
    {"/system", "[TEXT]", "show or change what the model is told first; none takes it away", system},
    {"/save", "FILE", "write the conversation as JSON", save},
    {"/load", "FILE", "go on with a conversation from a file", load},
    {"/file", "FILE", "put a PDF, HTML or text before the next message", file},
    {"/undo", "", "take back the last question and its answer", undo},
    {"/regen", "", "answer the last question again", regen},
    {"/set", "[NAME VALUE]", "change an option (temperature 0.2); alone lists them", set},
    {"/stats", "[on|off]", "speed of the last answer; on shows it after every one", stats},
    {"/quit", "", "leave", quit},
    {"/exit", "", "leave", quit},
}};

}  // namespace

std::vector<std::string> slash_command_names() {
  std::vector<std::string> names;
  for (const SlashCommand& command : kCommands) names.emplace_back(command.name);
  return names;
}

bool run_slash_command(ChatState& chat, const std::string& line) {
  const size_t space = line.find_first_of(" \n");
  const std::string name = line.substr(0, space);
  std::string argument = space == line.npos ? "" : line.substr(space + 1);
  argument.erase(0, std::min(argument.find_first_not_of(" \n"), argument.size()));
  while (argument.ends_with(' ') || argument.ends_with('\n')) argument.pop_back();
  for (const SlashCommand& command : kCommands)
    if (command.name == name) return command.run(chat, argument);
  const std::string suggestion = nearest(name, slash_command_names());
  throw Error({.doing = "run " + name,
               .found = "no such command",
               .advice = suggestion.empty() ? "see /help" : "did you mean " + suggestion + "?"});
}

}  // namespace orrery::cli
