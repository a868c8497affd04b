// orrery chat: a conversation in the terminal.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/chat/chat_state.h"
#include "cli/chat/message_reader.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/usage.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

struct ChatOptions {
  std::string model, system, load, prompt_cache;
  DocumentOptions documents;
  bool stats = false;
  text::EngineOptions engine{.max_sequences = 1, .overflow = text::Overflow::kStop};  // and the oldest turns go
  text::Request request{.max_tokens = kDefaultMaxTokens, .cache_prompt = true};  // the next question goes on from it
  AdapterArguments adapters;
  OutputOptions output;
};

void greet(const text::Engine& engine) {
  const text::Checkpoint& checkpoint = engine.checkpoint();
  print(fmt::format("{}: {:.0f} M parameters, context {}, {}, {} thread{}\n/help lists commands, Ctrl-D leaves\n",
                    model_name(checkpoint), static_cast<double>(checkpoint.spec().parameters) / 1e6,
                    engine.options().context, text::Engine::isa(), engine.options().threads,
                    engine.options().threads == 1 ? "" : "s"));
}

// False when the person wants to leave. What was wrong with one message does not end the conversation with a person.
bool take_message(ChatState& chat, const std::string& message, bool interactive) {
  try {
    if (message.starts_with('/')) return run_slash_command(chat, message);
    ask(chat, message);
    if (interactive) print("\n");
  } catch (const Error& error) {
    if (!interactive) throw;
    print_error(one_line("", error.what()));
  }
  return true;
}

void chat(const ChatOptions& options, const CLI::App& command) {
  const std::string documents = read_documents(options.documents);
  const auto engine = load_engine(options.model, options.engine, options.output);
  ChatState state{.engine = *engine,
                  .conversation = {},
                  .request = options.request,
                  .documents = documents,
                  .show_stats = options.stats};
  follow_recommendations(command, engine->checkpoint().sampling(), state.request.sampling);
  state.request.adapters = load_adapters(*engine, options.adapters);
  if (!options.load.empty()) state.conversation = Conversation::load(options.load);
  if (!options.system.empty()) state.conversation.system = options.system;
  if (engine->checkpoint().tokenizer().chat_template.empty())
    throw Error({.doing = "chat with " + model_name(engine->checkpoint()),
                 .found = "a model without a chat template",
                 .advice = "go on with a text instead: orrery run " + options.model + " --raw TEXT"});
  load_prompt_cache(*engine, options.prompt_cache);
  MessageReader reader(slash_command_names());
  if (reader.interactive()) greet(*engine);
  while (const std::optional<std::string> message = reader.read())
    if (!take_message(state, *message, reader.interactive())) break;
  if (!state.tokens.empty()) save_prompt_cache(*engine, options.prompt_cache, state.tokens);
}

}  // namespace

void add_chat(CLI::App& app) {
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in the terminal");
  auto options = std::make_shared<ChatOptions>();
  add_model_argument(*command, options->model);
  command->add_option("--system", options->system, "What the model is told first")->option_text("TEXT");
  command->add_option("--load", options->load, "Go on with a conversation that /save wrote")->option_text("FILE");
  add_document_options(*command, options->documents);
  add_request_options(*command, options->request);
  add_adapter_options(*command, options->adapters);
  add_engine_options(*command, options->engine);
  add_prompt_cache_option(*command, options->prompt_cache);
  command->add_flag("--stats", options->stats, "Print tokens per second after every answer");
  add_quiet_option(*command, options->output);
  set_examples(*command, {{"orrery chat smollm2", "talk with the default model; /help lists what you can do there"},
                          {"orrery chat model.gguf --system \"Answer in French.\" --temperature 0.3", "set the tone"},
                          {"orrery chat smollm2 --file report.pdf", "talk about a document"}});
  command->callback([options, command] { chat(*options, *command); });
}

}  // namespace orrery::cli
