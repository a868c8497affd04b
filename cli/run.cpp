// orrery run: one question, or one text to go on with; the answer streams to standard output.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/answer.h"
#include "cli/chat_prompt.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/interrupt.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/pictures.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/kernels/attention/kv_page.h"
#include "orrery/text/documents/special_tokens.h"
#include "orrery/text/pictures/picture_prompt.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

struct RunOptions {
  std::string model, prompt, system, grammar, json_schema, prompt_cache;
  DocumentOptions documents;
  std::vector<std::string> images;
  bool has_prompt = false, has_max_tokens = false, raw = false, stats = false;
  text::EngineOptions engine{.max_sequences = 1};
  text::Request request{.max_tokens = kDefaultMaxTokens};
  AdapterArguments adapters;
  OutputOptions output;
};

// The question; empty where documents or pictures alone are the prompt.
std::string question_text(const RunOptions& options) {
  if (options.has_prompt && options.prompt != "-") return options.prompt;
  if (!options.has_prompt && !options.documents.files.empty()) return "";
  if (!options.has_prompt && input_is_terminal() && !options.images.empty()) return "";
  if (!options.has_prompt && input_is_terminal())
    throw Error({.doing = "run a model",
                 .expected = "a prompt, as an argument or through a pipe",
                 .advice = "for a conversation: orrery chat " + options.model});
  std::string text = read_standard_input();
  // A line end that echo or an editor added is no part of a question; a plain continuation takes the bytes as they are.
  if (!options.raw && text.ends_with('\n')) text.pop_back();
  return text;
}

// Text to go on with. Throws Error where it cannot hold a system message.
bool is_plain(const RunOptions& options, const text::Tokenizer& tokenizer) {
  if (!options.raw && !tokenizer.chat_template.empty()) return false;
  if (!options.system.empty())
    throw Error({.doing = "use --system", .found = options.raw ? "--raw" : "a model without a chat template"});
  return true;
}

std::vector<text::TokenId> prompt_tokens(const RunOptions& options, const text::Tokenizer& tokenizer,
                                         const std::string& text) {
  if (is_plain(options, tokenizer)) return tokenizer.encode(text);
  ordered_json messages = ordered_json::array();
  if (!options.system.empty()) messages.push_back({{"role", "system"}, {"content", options.system}});
  messages.push_back({{"role", "user"}, {"content", text}});
  return chat_prompt(tokenizer, messages);
}

void write_prompt(RunOptions& options, const text::Engine& engine, std::span<const formats::Image> pictures,
                  const std::string& text) {
  const text::Tokenizer& tokenizer = engine.checkpoint().tokenizer();
  if (pictures.empty()) {
    options.request.prompt = prompt_tokens(options, tokenizer, text);
    return;
  }
  is_plain(options, tokenizer);
  text::PicturePrompt prompt = text::picture_prompt(engine.checkpoint(), pictures, text);
  options.request.prompt = std::move(prompt.prompt);
  options.request.patches = std::move(prompt.patches);
}

std::shared_ptr<const text::Grammar> make_grammar(const RunOptions& options, const text::Tokenizer& tokenizer) {
  if (options.grammar.empty() && options.json_schema.empty()) return nullptr;
  const auto trie = text::make_token_trie(tokenizer);
  if (!options.grammar.empty())
    return std::make_shared<text::Grammar>(text::Grammar::from_gbnf(read_text(options.grammar), trie));
  const size_t first = options.json_schema.find_first_not_of(" \t\r\n");
  const bool is_text = first != std::string::npos && options.json_schema[first] == '{';
  const ordered_json schema = is_text ? parse_json(options.json_schema, "--json-schema")
                                      : parse_json(read_text(options.json_schema), options.json_schema);
  return std::make_shared<text::Grammar>(text::Grammar::from_json_schema(schema, trie));
}

ordered_json logprobs_json(const Answer& answer, const text::Tokenizer& tokenizer) {
  ordered_json tokens = ordered_json::array();
  for (const auto& ranked : answer.logprobs) {
    ordered_json token = ordered_json::object(), top = ordered_json::array();
    for (size_t i = 0; i < ranked.size(); ++i) {
      ordered_json entry = {
          {"id", ranked[i].token}, {"piece", tokenizer.piece(ranked[i].token)}, {"logprob", ranked[i].logprob}};
      if (i == 0)
        token = std::move(entry);
      else
        top.push_back(std::move(entry));
    }
    token["top"] = std::move(top);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void print_result(const RunOptions& options, const text::Engine& engine, const Answer& answer) {
  if (options.output.json) {
    ordered_json result = {{"model", model_name(engine.checkpoint())},
                           {"text", answer.text},
                           {"finish_reason", name(answer.finish)},
                           {"tokens", answer.tokens}};
    result.update(stats_json(answer.stats));
    if (!answer.logprobs.empty()) result["logprobs"] = logprobs_json(answer, engine.checkpoint().tokenizer());
    print_json(result);
  } else if (!options.raw || output_is_terminal()) {
    if (!answer.text.ends_with('\n')) print("\n");
  }
  const bool limit_was_wanted = options.has_max_tokens || options.output.json || options.output.quiet;
  if (answer.finish == text::FinishReason::kLength && !limit_was_wanted)
    print_error(length_note(engine, answer, "--max-tokens"));
  if (options.stats) print_error(stats_text(answer.stats) + "\n");
}

// All but the last token, which is computed each time for what follows it; where the file has not got that already.
void keep_prompt(const RunOptions& options, text::Engine& engine, const text::RequestStats& stats) {
  const int64_t unit = engine.spec().mixer == text::MixerKind::kAttention ? kernels::kPageTokens : 1;
  if (stats.cached_tokens + unit < stats.prompt_tokens)
    save_prompt_cache(engine, options.prompt_cache, std::span(options.request.prompt).first(stats.prompt_tokens - 1));
}

void run_prompt(RunOptions& options, const CLI::App& command) {
  const std::string question = question_text(options), documents = read_documents(options.documents);
  const std::vector<formats::Image> pictures = read_pictures(options.images);
  auto checkpoint = text::Checkpoint::open(options.model);
  if (!pictures.empty()) text::check_picture_count(*checkpoint, pictures.size());
  const auto engine = load_engine(std::move(checkpoint), options.engine, options.output);
  const text::Tokenizer& tokenizer = engine->checkpoint().tokenizer();
  follow_recommendations(command, engine->checkpoint().sampling(), options.request.sampling);
  const std::string quoted = options.raw ? documents : text::spell_special_tokens_apart(documents, tokenizer);
  write_prompt(options, *engine, pictures, text::with_documents(quoted, question));
  if (!documents.empty()) check_documents_fit(*engine, options.request.prompt.size());
  options.request.grammar = make_grammar(options, tokenizer);
  load_prompt_cache(*engine, options.prompt_cache);
  options.request.cache_prompt = !options.prompt_cache.empty();
  options.request.adapters = load_adapters(*engine, options.adapters);
  const Answer answer =
      take_answer(*engine, options.request, InterruptScope::Watch::kAllSignals, [&](std::string_view piece) {
        if (!options.output.json) print(piece);
      });
  print_result(options, *engine, answer);
  keep_prompt(options, *engine, answer.stats);
  if (answer.finish == text::FinishReason::kCancelled) throw Interrupted{answer.signal};
}

}  // namespace

void add_run(CLI::App& app) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt, or go on with a text");
  auto options = std::make_shared<RunOptions>();
  add_model_argument(*command, options->model);
  CLI::Option* prompt =
      command->add_option("prompt", options->prompt, "What to answer; - or nothing reads standard input");
  prompt->option_text("[PROMPT]");
  add_document_options(*command, options->documents);
  add_picture_option(*command, options->images);
  command->add_option("--system", options->system, "What the model is told first")->option_text("TEXT");
  command->add_flag("--raw", options->raw, "Go on with the text as it is, without the model's chat template");
  add_request_options(*command, options->request);
  CLI::Option* grammar =
      command->add_option("--grammar", options->grammar, "The answer follows this grammar (GBNF)")->option_text("FILE");
  command->add_option("--json-schema", options->json_schema, "The answer is JSON of this schema")
      ->option_text("FILE|JSON")
      ->excludes(grammar);
  add_adapter_options(*command, options->adapters);
  add_engine_options(*command, options->engine);
  add_prompt_cache_option(*command, options->prompt_cache);
  command->get_option("--prompt-cache")->excludes(command->get_option("--image"));  // its tokens tell no pictures apart
  command->add_flag("--stats", options->stats, "Print tokens per second on standard error");
  add_output_options(*command, options->output, "the answer, its tokens and rates");
  command
      ->add_option("--logprobs", options->request.top_logprobs,
                   "With --json: also the N likeliest tokens at each place")
      ->option_text("N")
      ->check(CLI::Range(0, 1000));
  set_examples(
      *command,
      {{"orrery run smollm2 \"Why is the sky blue?\"", "ask the default model"},
       {"orrery run smollm2 --file report.pdf --pages 1-3 \"What does it conclude, and on which page?\"",
        "ask about a document"},
       {"orrery run fuyu-8b/ --image photo.jpg \"Generate a coco-style caption.\"", "ask about a picture"},
       {"git diff | orrery run smollm2 \"Describe this change:\" --file -", "ask about what comes through a pipe"},
       {"orrery run smollm2 --raw \"Once upon a time\" --max-tokens 100", "go on with a text"},
       {"orrery run llama-7b/ \"Write a haiku\" --adapter my-lora/:0.8", "put a LoRA on the model, a little weaker"},
       {"orrery run model.gguf \"Two colours\" --json-schema '{\"type\":\"array\",\"items\":{\"type\":\"string\"}}'",
        "get JSON of a certain shape"}});
  command->callback([options, prompt, command] {
    options->has_prompt = prompt->count() > 0;
    options->has_max_tokens = command->count("--max-tokens") > 0;
    run_prompt(*options, *command);
  });
}

}  // namespace orrery::cli
