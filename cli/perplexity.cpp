// orrery perplexity: how surprised a model is by a text; with --kl, what its quantisation changed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/text/evaluation/perplexity.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

struct PerplexityCommand {
  std::string model, file;
  bool kl = false;
  text::EngineOptions engine{.max_sequences = 1};
  text::PerplexityOptions options;
  OutputOptions output;
};

ordered_json result_json(const PerplexityCommand& command, const text::PerplexityResult& result, double seconds) {
  ordered_json document = {{"model", command.model},          {"file", command.file},
                           {"exact", command.engine.exact},   {"context", command.options.context},
                           {"chunks", result.chunks},         {"tokens", result.tokens},
                           {"perplexity", result.perplexity}, {"perplexity_error", result.perplexity_error},
                           {"mean_nll", result.mean_nll},     {"seconds", seconds}};
  if (const auto& divergence = result.divergence) {
    document["exact_perplexity"] = divergence->exact_perplexity;
    document["mean_kl"] = divergence->mean;
    document["mean_kl_error"] = divergence->mean_error;
    document["max_kl"] = divergence->largest;
    document["top1_agreement"] = divergence->top1_agreement;
  }
  return document;
}

std::string result_text(const text::PerplexityResult& result, double seconds) {
  std::string text = fmt::format("perplexity      {:.4f} ± {:.4f}  ({} tokens in {} chunks, {})\n", result.perplexity,
                                 result.perplexity_error, result.tokens, result.chunks, duration_text(seconds));
  if (const auto& divergence = result.divergence)
    text += fmt::format(
        "exact           {:.4f}\n"
        "mean KL         {:.6f} ± {:.6f} nats  (largest {:.4f})\n"
        "top-1 agreement {:.2f} %\n",
        divergence->exact_perplexity, divergence->mean, divergence->mean_error, divergence->largest,
        100 * divergence->top1_agreement);
  return text;
}

void perplexity(PerplexityCommand& command) {
  const std::string text = read_text_or_standard_input(command.file);
  if (command.engine.context == 0) command.engine.context = command.options.context;
  const auto engine = load_engine(command.model, command.engine, command.output);
  std::unique_ptr<text::Engine> exact;
  if (command.kl) {
    text::EngineOptions options = command.engine;
    options.exact = true;
    exact = load_engine(command.model, options, command.output);
  }
  const auto start = std::chrono::steady_clock::now();
  const std::vector<text::TokenId> tokens = engine->checkpoint().tokenizer().encode(text);
  Progress bar({.title = "scoring " + command.file, .unit = "tokens", .style = command.output.progress()});
  const InterruptScope interrupt;
  const text::PerplexityResult result =
      text::perplexity(*engine, tokens, command.options, exact.get(), [&](int64_t done, int64_t total) {
        interrupt.check();
        bar.update(done, total);
      });
  bar.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (command.output.json)
    print_json(result_json(command, result, seconds));
  else
    print(result_text(result, seconds));
}

}  // namespace

void add_perplexity(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("perplexity", "Score a text: perplexity, and with --kl the loss by quantisation");
  auto options = std::make_shared<PerplexityCommand>();
  add_model_argument(*command, options->model);
  command->add_option("file", options->file, "Plain text; - is standard input")->required()->option_text("FILE");
  command->add_option("-c,--context", options->options.context, "Tokens of a chunk; the second half of each is scored")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{4}, int64_t{1} << 30));
  command->add_option("--chunks", options->options.chunks, "Chunks to score; -1 is all")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40));
  command->add_flag("--kl", options->kl, "Also run the model in float32 and compare the two at every token");
  add_engine_options(*command, options->engine, EngineOptionSet::kWithoutContext);
  add_output_options(*command, options->output, "the numbers");
  set_examples(*command,
               {{"orrery perplexity smollm2 text.txt", "score a text as llama-perplexity does"},
                {"orrery perplexity model.gguf text.txt --kl --json", "what quantisation changed, for a script"}});
  command->callback([options] { perplexity(*options); });
}

}  // namespace orrery::cli
