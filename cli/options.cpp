#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <utility>
#include <variant>

#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

// "15043=-1.5" -> {15043, -1.5}
std::pair<text::TokenId, float> parse_bias(const std::string& text) {
  std::pair<text::TokenId, float> bias;
  const size_t equals = text.find('=');
  if (equals == text.npos || !CLI::detail::lexical_cast(text.substr(0, equals), bias.first) ||
      !CLI::detail::lexical_cast(text.substr(equals + 1), bias.second))
    throw CLI::ValidationError("--logit-bias", fmt::format("{} is not ID=NUMBER", text));
  return bias;
}

constexpr const char* kSampling = "Sampling, unless the model's files recommend otherwise";

using Sampling = text::SamplingOptions;
// A model's files may recommend values for these.
const std::pair<const char*, std::variant<float Sampling::*, int32_t Sampling::*>> kRecommended[] = {
    {"--temperature", &Sampling::temperature},
    {"--top-k", &Sampling::top_k},
    {"--top-p", &Sampling::top_p},
    {"--min-p", &Sampling::min_p},
    {"--typical-p", &Sampling::typical_p},
    {"--repeat-penalty", &Sampling::repeat_penalty},
    {"--penalty-last-n", &Sampling::penalty_last_n},
    {"--mirostat", &Sampling::mirostat},
    {"--mirostat-tau", &Sampling::mirostat_tau},
    {"--mirostat-eta", &Sampling::mirostat_eta},
};

using Scaling = text::RopeSpec::Scaling;
const std::map<std::string, Scaling> kRopeScalings = {{"none", Scaling::kNone},        {"linear", Scaling::kLinear},
                                                      {"ntk", Scaling::kNtk},          {"dynamic", Scaling::kDynamic},
                                                      {"yarn", Scaling::kYarn},        {"llama3", Scaling::kLlama3},
                                                      {"longrope", Scaling::kLongRope}};

const std::map<std::string, text::Overflow> kOverflows = {
    {"error", text::Overflow::kError}, {"stop", text::Overflow::kStop}, {"sinks", text::Overflow::kSinks}};

}  // namespace

CLI::Option* add_repeatable(CLI::App& command, const std::string& name, std::function<void(const std::string&)> add,
                            const std::string& description) {
  return command  // CLI11's own vectors would split "[INST]" and "a,b"
      .add_option(
          name,
          [add = std::move(add)](const CLI::results_t& values) {
            for (const std::string& value : values) add(value);
            return true;
          },
          description)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1)
      ->allow_extra_args(false);
}

void follow_recommendations(const CLI::App& command, const Sampling& recommended, Sampling& sampling) {
  for (const auto& [name, member] : kRecommended) {
    if (command.count(name) > 0) continue;
    std::visit([&](auto field) { sampling.*field = recommended.*field; }, member);
  }
}

void add_output_options(CLI::App& command, OutputOptions& output, const std::string& what) {
  command.add_flag("--json", output.json, "Print " + what + " as JSON");
  add_quiet_option(command, output);
}

void add_quiet_option(CLI::App& command, OutputOptions& output) {
  command.add_flag("-q,--quiet", output.quiet, "Show no progress");
}

void add_model_argument(CLI::App& command, std::string& model) {
  command
      .add_option("model", model, "A .gguf file, a hub folder, a llama2.c .bin, or a name in the cache (orrery models)")
      ->required()
      ->option_text("MODEL");
}

void add_engine_options(CLI::App& command, text::EngineOptions& engine, EngineOptionSet set) {
  const auto group = [&](CLI::Option* option) { return option->group("Engine"); };
  group(command.add_option("-t,--threads", engine.threads, "Threads; 0 is one per core")->capture_default_str())
      ->check(CLI::Range(0, 1024));
  if (set == EngineOptionSet::kAll)
    group(command
              .add_option("-c,--context", engine.context,
                          "Tokens that prompt and answer may hold; 0 is the model's own, at most 8192")
              ->capture_default_str())
        ->check(CLI::NonNegativeNumber);
  group(command.add_option_function<std::string>(
            "--rope-scaling", [&engine](const std::string& type) { engine.rope_scaling = kRopeScalings.at(type); },
            "How positions beyond the trained context are reached, in place of the model's own way"))
      ->check(CLI::IsMember(kRopeScalings));
  group(command.add_option("--rope-factor", engine.rope_factor,
                           "Of --rope-scaling: how many times the trained context; when absent, --context over it"))
      ->check(CLI::Range(1.0, 1e6));
  group(command.add_option("--self-extend,--grp-attn-n", engine.self_extend,
                           "Reach so many times further without training: positions far back in groups of N; 1 is off"))
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  group(command.add_option("--self-extend-window,--grp-attn-w", engine.self_extend_window,
                           "Of --self-extend: tokens near by, whose positions stay; 0 is half the trained context"))
      ->check(CLI::NonNegativeNumber);
  group(
      command.add_option_function<std::string>(
          "--overflow", [&engine](const std::string& policy) { engine.overflow = kOverflows.at(policy); },
          "What happens at the end of the context: error; stop ends the answer; sinks goes on without end, seeing the "
          "first 4 tokens and the newest"))
      ->check(CLI::IsMember(kOverflows))
      ->default_str(engine.overflow == text::Overflow::kStop ? "stop" : "error");
  group(command.add_option_function<std::string>(
            "--kv", [&engine](const std::string& type) { engine.kv_dtype = dtype_from_name(type); },
            "Element type of the key-value cache"))
      ->check(CLI::IsMember({"f32", "f16", "q8_0", "q4_0"}))
      ->default_str(std::string(name(engine.kv_dtype)));
  group(command.add_flag("--lookup", engine.lookup,
                         "Guess ahead what followed the last time: the same answer, sooner where it quotes"));
  group(command.add_option("--draft", engine.draft,
                           "Guess ahead with this smaller model of the same vocabulary: the same answer, sooner"))
      ->option_text("MODEL");
  group(command.add_flag("--exact", engine.exact, "Compute in float32 throughout: the original's numbers, slowly"));
  group(command.add_flag("--legacy-window", engine.legacy_window,
                         "Sliding windows by the rule of 2023 (mistral-src, transformers 4.34): one key more"));
  group(command.add_flag("--no-repack", engine.mapped,
                         "Leave weights in the mapped file where possible: slower, for models larger than memory"));
}

std::pair<std::string, float> parse_adapter(const std::string& text) {
  const size_t colon = text.rfind(':');
  float weight = 1;
  if (colon == text.npos || !CLI::detail::lexical_cast(text.substr(colon + 1), weight)) return {text, 1.0f};
  return {text.substr(0, colon), weight};
}

void add_adapter_options(CLI::App& command, AdapterArguments& adapters) {
  using Gate = text::AdapterOptions::Gate;
  add_repeatable(
      command, "--adapter,--lora",
      [&adapters](const std::string& text) { adapters.files.push_back(parse_adapter(text)); },
      "A LoRA (PEFT folder, GGUF file) or LLaMA-Adapter to put on the model; may be repeated: they are summed")
      ->option_text("PATH[:WEIGHT] ...")
      ->group("Adapters");
  command
      .add_option_function<std::string>(
          "--adapter-gate",
          [&adapters](const std::string& gate) { adapters.options.gate = gate == "raw" ? Gate::kRaw : Gate::kTanh; },
          "LLaMA-Adapter's gates: their tanh, as they are trained, or raw, as V1's inference code has them")
      ->check(CLI::IsMember({"tanh", "raw"}))
      ->default_str("tanh")
      ->group("Adapters");
}

std::vector<text::AdapterUse> load_adapters(text::Engine& engine, const AdapterArguments& adapters) {
  std::vector<text::AdapterUse> uses;
  for (const auto& [path, weight] : adapters.files) {
    engine.load_adapter(path, text::open_adapter(path, adapters.options));
    uses.push_back({path, weight});
  }
  return uses;
}

void add_sampling_options(CLI::App& command, text::SamplingOptions& s) {
  const auto add = [&](const char* names, auto& value, const char* description) {
    return command.add_option(names, value, description)->capture_default_str()->group(kSampling);
  };
  add("--temperature,--temp", s.temperature, "Randomness; 0 takes the likeliest token");
  add("--top-k", s.top_k, "Keep the K likeliest tokens; 0 keeps all");
  add("--top-p", s.top_p, "Keep the likeliest tokens that sum to P; 1 keeps all");
  add("--min-p", s.min_p, "Keep tokens at least P times as likely as the best; 0 keeps all");
  add("--min-keep", s.min_keep, "Tokens that top-p, min-p and typical leave at least");
  add("--top-n-sigma", s.top_n_sigma, "Keep logits within N deviations of the largest; -1 is off");
  add("--typical-p", s.typical_p, "Locally typical sampling; 1 is off");
  add("--repeat-penalty", s.repeat_penalty, "Divide the logits of recent tokens; 1 is off");
  add("--frequency-penalty", s.frequency_penalty, "Subtract this per recent occurrence");
  add("--presence-penalty", s.presence_penalty, "Subtract this from recent tokens");
  add("--penalty-last-n", s.penalty_last_n, "Tokens that penalties look back at; -1 is all");
  add("--dry-multiplier", s.dry_multiplier, "DRY: strength of the penalty on repeated sequences; 0 is off");
  add("--dry-base", s.dry_base, "DRY: growth per repeated token");
  add("--dry-allowed-length", s.dry_allowed_length, "DRY: length that is not penalised");
  add("--dry-penalty-last-n", s.dry_penalty_last_n, "DRY: tokens looked back at; -1 is all");
  auto first = std::make_shared<bool>(true);
  add_repeatable(
      command, "--dry-sequence-breaker",
      [&s, first](const std::string& text) {
        if (std::exchange(*first, false)) s.dry_sequence_breakers.clear();
        if (text != "none") s.dry_sequence_breakers.push_back(text);
      },
      "DRY: text that ends a sequence, in place of the usual four; may be repeated; none is none")
      ->group(kSampling);
  add("--mirostat", s.mirostat, "2 keeps the text's surprise near --mirostat-tau; 0 is off")
      ->check(CLI::IsMember({0, 2}));
  add("--mirostat-tau", s.mirostat_tau, "Mirostat: the surprise to aim at, in bits");
  add("--mirostat-eta", s.mirostat_eta, "Mirostat: learning rate");
  add_repeatable(
      command, "--logit-bias", [&s](const std::string& text) { s.logit_bias.push_back(parse_bias(text)); },
      "ID=NUMBER: added to a token's logit; may be repeated")
      ->option_text("ID=NUMBER ...")
      ->group(kSampling);
  command.add_option("-s,--seed", s.seed, "The same seed gives the same answer; drawn when absent")
      ->group(kSampling)
      ->check(CLI::NonNegativeNumber);
}

void add_request_options(CLI::App& command, text::Request& request) {
  command.add_option("-n,--max-tokens", request.max_tokens, "Tokens of the answer at most; -1 is up to the context")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40));
  add_repeatable(
      command, "--stop", [&request](const std::string& text) { request.stop.push_back(text); },
      "The answer ends before this text; may be repeated")
      ->option_text("TEXT ...");
  command.add_flag("--ignore-eos", request.ignore_eos, "Go on where the model would end");
  add_sampling_options(command, request.sampling);
}

void add_prompt_cache_option(CLI::App& command, std::string& file) {
  command
      .add_option(
          "--prompt-cache", file,
          "Keep what is computed of the prompt in this file, and begin with what is there; one of another model, "
          "or of other options, is refused")
      ->option_text("FILE")
      ->group("Engine")
      ->excludes(command.get_option("--adapter"));  // the file keeps what the model alone computes
}

void load_prompt_cache(text::Engine& engine, const std::string& file) {
  if (!file.empty() && std::filesystem::exists(file)) engine.load_prompt(file);
}

void save_prompt_cache(text::Engine& engine, const std::string& file, std::span<const text::TokenId> tokens) {
  if (!file.empty()) engine.save_prompt(file, tokens);
}

std::unique_ptr<text::Engine> load_engine(const std::string& model, const text::EngineOptions& options,
                                          const OutputOptions& output) {
  return load_engine(text::Checkpoint::open(model), options, output);
}

std::unique_ptr<text::Engine> load_engine(std::shared_ptr<const text::Checkpoint> checkpoint,
                                          const text::EngineOptions& options, const OutputOptions& output) {
  Progress bar(
      {.title = "loading " + model_name(*checkpoint), .total = checkpoint->file_bytes(), .style = output.progress()});
  return std::make_unique<text::Engine>(std::move(checkpoint), options,
                                        [&bar](int64_t done, int64_t total) { bar.update(done, total); });
}

std::string model_name(const text::Checkpoint& checkpoint) {
  std::filesystem::path path = checkpoint.path();
  if (path.filename() == "config.json" || !path.has_filename()) path = path.parent_path();
  std::error_code failed;
  return std::filesystem::is_directory(path, failed) ? path.filename() : path.stem();
}

}  // namespace orrery::cli
