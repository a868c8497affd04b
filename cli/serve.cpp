// orrery serve: an OpenAI-compatible server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/base/error.h"
#include "orrery/base/log.h"
#include "orrery/serve/app.h"
#include "orrery/serve/config/config.h"
#include "orrery/text/checkpoint_cache.h"

namespace orrery::cli {
namespace {

struct ServeCommand {
  std::vector<std::string> models;
  text::EngineOptions engine{.overflow = text::Overflow::kStop};
  serve::ServeOptions options;
  std::string new_key, config;
  bool quiet = false;
};

// "name=path", or a path whose file name is the name.
serve::ModelEntry entry_of(const std::string& argument, const text::EngineOptions& engine) {
  const size_t equals = argument.find('=');
  serve::ModelEntry entry{.pinned = true, .engine = engine};
  if (equals != std::string::npos && argument.find('/') > equals) {
    entry.name = argument.substr(0, equals);
    entry.path = argument.substr(equals + 1);
  } else {
    entry.path = argument;
    const std::filesystem::path path = text::find_model(argument);
    entry.name =
        argument.find('/') == std::string::npos && !std::filesystem::exists(argument) ? argument : path.stem().string();
    if (entry.name.empty()) entry.name = path.parent_path().filename().string();
  }
  return entry;
}

// The file's settings, but for those that the command line gives too.
serve::ServeOptions options_of(const ServeCommand& command, const CLI::App& given) {
  serve::ServeOptions options = command.options;
  if (!command.config.empty()) {
    options = {};
    serve::read_config(command.config, command.engine, options);
    const serve::ServeOptions& ours = command.options;
    const auto keep = [&](const char* name, auto& theirs, const auto& value) {
      if (given.count(name) > 0) theirs = value;
    };
    keep("--address", options.http.address, ours.http.address);
    keep("--port", options.http.port, ours.http.port);
    keep("--certificate", options.http.certificate, ours.http.certificate);
    keep("--private-key", options.http.private_key, ours.http.private_key);
    keep("--api-keys", options.gate.keys_file, ours.gate.keys_file);
    keep("--cors", options.gate.cors_origins, ours.gate.cors_origins);
    keep("--host", options.gate.hosts, ours.gate.hosts);
    keep("--queue", options.queue, ours.queue);
    keep("--database", options.database, ours.database);
    keep("--no-studio", options.studio, ours.studio);
  }
  for (const std::string& model : command.models) options.models.push_back(entry_of(model, command.engine));
  if (options.models.empty()) options.models.push_back(entry_of("smollm2", command.engine));
  if (command.quiet) options.log_requests = false;
  options.version = ORRERY_VERSION;
  return options;
}

void run_server(const ServeCommand& command, const CLI::App& given) {
  if (!command.new_key.empty()) {
    const serve::NewKey key = serve::make_key(command.new_key);
    return print(fmt::format("key:  {}\nline: {}\n", key.key, key.line));
  }
  if (log_level() > LogLevel::kInfo) set_log_level(LogLevel::kInfo);
  serve::serve([&] { return options_of(command, given); },
               [](const std::string& address, uint16_t port) {
                 const bool six = address.find(':') != std::string::npos;
                 print(fmt::format("http://{}:{}\n", six ? "[" + address + "]" : address, port));
               });
}

}  // namespace

void add_serve(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Answer OpenAI's clients, and show the studio in a browser");
  auto options = std::make_shared<ServeCommand>();
  command
      ->add_option("models", options->models,
                   "GGUF files, hub folders or short names, each as NAME=PATH where it is to have another name; "
                   "nothing: smollm2")
      ->option_text("[MODEL…]");
  command
      ->add_option(
          "--config", options->config,
          "Settings and models from a file (docs/serving.md), read again on SIGHUP; what the command line says as "
          "well counts")
      ->option_text("FILE");
  command->add_option("--address", options->options.http.address, "The address to listen at")
      ->option_text("IP")
      ->capture_default_str();
  command->add_option("--port", options->options.http.port, "The port to listen at; 0: a free one")
      ->option_text("N")
      ->capture_default_str();
  command->add_option("--queue", options->options.queue, "Requests that may wait for each model; more are answered 429")
      ->option_text("N")
      ->capture_default_str();
  command
      ->add_option("--database", options->options.database,
                   "Where the studio keeps conversations: a SQLite file, or postgresql://…; nothing: orrery/studio.db "
                   "in $XDG_DATA_HOME")
      ->option_text("FILE|URL");
  command->add_flag("!--no-studio", options->options.studio, "Serve the API alone");
  serve::GateOptions& gate = options->options.gate;
  serve::HttpOptions& http = options->options.http;
  command
      ->add_option("--api-keys", gate.keys_file,
                   "A file of API keys, one a line (docs/serving.md); read again on SIGHUP")
      ->option_text("FILE");
  command
      ->add_option("--make-key", options->new_key,
                   "Print a new API key of that name and its line for the file, and end")
      ->option_text("NAME");
  CLI::Option* certificate =
      command->add_option("--certificate", http.certificate, "TLS: the certificate chain, PEM")->option_text("FILE");
  CLI::Option* private_key =
      command->add_option("--private-key", http.private_key, "TLS: the certificate's key, PEM")->option_text("FILE");
  certificate->needs(private_key);
  private_key->needs(certificate);
  add_repeatable(
      *command, "--cors",
      [options](const std::string& origin) { options->options.gate.cors_origins.push_back(origin); },
      "A web origin whose pages may call: https://example.org, or *")
      ->option_text("ORIGIN");
  add_repeatable(
      *command, "--host", [options](const std::string& host) { options->options.gate.hosts.push_back(host); },
      "A further name by which a proxy calls a server at a loopback address")
      ->option_text("NAME");
  add_engine_options(*command, options->engine);
  command->add_option("--sequences", options->engine.max_sequences, "Answers computed at once")
      ->option_text("N")
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "No line for each request");
  set_examples(*command, {{"orrery serve smollm2", "serve the default model at http://127.0.0.1:8080"}});
  command->callback([options, command] { run_server(*options, *command); });
}

}  // namespace orrery::cli
