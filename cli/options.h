// Options that several commands share, bound to the library's own structs, so that each default is written once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/base/progress.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/engine/engine.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace orrery::cli {

struct OutputOptions {
  bool json = false;   ///< one JSON document on standard output
  bool quiet = false;  ///< no progress
  ProgressStyle progress() const { return json || quiet ? ProgressStyle::kNone : ProgressStyle::kAuto; }
};

/// --json and --quiet; `what` is what the document holds.
void add_output_options(CLI::App& command, OutputOptions& output, const std::string& what);
void add_quiet_option(CLI::App& command, OutputOptions& output);

/// An option that may be given several times, each time with one value, which is taken as it is ("a,b", "[x]").
CLI::Option* add_repeatable(CLI::App& command, const std::string& name, std::function<void(const std::string&)> add,
                            const std::string& description);

/// The positional MODEL, required.
void add_model_argument(CLI::App& command, std::string& model);

/// --threads, --context and what reaches beyond it, --kv, --lookup, --draft, --exact, --legacy-window, --no-repack. A
/// command whose --context means something else leaves that one out.
enum class EngineOptionSet { kAll, kWithoutContext };
void add_engine_options(CLI::App& command, text::EngineOptions& engine, EngineOptionSet set = EngineOptionSet::kAll);

/// Adapters and their weights.
struct AdapterArguments {
  std::vector<std::pair<std::string, float>> files;
  text::AdapterOptions options;
};

/// "PATH" or "PATH:WEIGHT".
std::pair<std::string, float> parse_adapter(const std::string& text);

/// --adapter (also --lora), any number of times, and --adapter-gate.
void add_adapter_options(CLI::App& command, AdapterArguments& adapters);

/// Loads them; what a request is to use.
std::vector<text::AdapterUse> load_adapters(text::Engine& engine, const AdapterArguments& adapters);

/// --temperature … --seed: all of SamplingOptions.
void add_sampling_options(CLI::App& command, text::SamplingOptions& sampling);

/// --max-tokens, --stop, --ignore-eos, and the sampling options.
void add_request_options(CLI::App& command, text::Request& request);

/// Takes what a model's files recommend for the sampling options that `command` was not given.
void follow_recommendations(const CLI::App& command, const text::SamplingOptions& recommended,
                            text::SamplingOptions& sampling);

/// --max-tokens of an answer that somebody waits for: a small model that falls into repeating itself ends then, and not
/// at the end of the context.
inline constexpr int64_t kDefaultMaxTokens = 2048;

/// --prompt-cache FILE.
void add_prompt_cache_option(CLI::App& command, std::string& file);
/// Nothing where no file was named, or none is there yet.
void load_prompt_cache(text::Engine& engine, const std::string& file);
/// Nothing where no file was named.
void save_prompt_cache(text::Engine& engine, const std::string& file, std::span<const text::TokenId> tokens);

/// Opens the model and packs its weights, with a progress bar.
std::unique_ptr<text::Engine> load_engine(const std::string& model, const text::EngineOptions& options,
                                          const OutputOptions& output);

std::unique_ptr<text::Engine> load_engine(std::shared_ptr<const text::Checkpoint> checkpoint,
                                          const text::EngineOptions& options, const OutputOptions& output);

/// The model's file name without its extension, or its folder's name: what people call it.
std::string model_name(const text::Checkpoint& checkpoint);

}  // namespace orrery::cli
