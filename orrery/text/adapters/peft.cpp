#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/adapters/peft_targets.h"
#include "orrery/text/adapters/readers.h"

namespace orrery::text {

namespace {

using nlohmann::json;

/// Keys that say nothing about the forward pass, and those that this file reads.
constexpr std::string_view kKnown[] = {"alpha_pattern",
                                       "auto_mapping",
                                       "base_model_name_or_path",
                                       "bias",
                                       "ensure_weight_tying",
                                       "eva_config",
                                       "exclude_modules",
                                       "fan_in_fan_out",  // of the base's layer; a Linear here is [outputs, inputs]
                                       "inference_mode",
                                       "init_lora_weights",
                                       "layers_pattern",
                                       "layers_to_transform",
                                       "lora_alpha",
                                       "lora_bias",
                                       "lora_dropout",
                                       "megatron_core",
                                       "modules_to_save",
                                       "peft_type",
                                       "peft_version",
                                       "qalora_group_size",
                                       "r",
                                       "rank_pattern",
                                       "revision",
                                       "runtime_config",
                                       "target_modules",
                                       "task_type",
                                       "use_dora",
                                       "use_rslora"};

/// Initialisations that leave the base's weights alone. PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA subtract from them.
constexpr std::string_view kInitialisations[] = {"gaussian", "eva", "orthogonal"};

bool is_neutral(const json& value) {
  return value.is_null() || value == false || ((value.is_array() || value.is_object()) && value.empty());
}

void refuse_unsupported(const json& config, const ConfigJson& getters) {
  if (const std::string type = getters.string("peft_type", "none"); type != "LORA")
    throw getters.error("peft_type", type, "LORA");
  for (const auto& [key, value] : config.items())
    if (std::ranges::count(kKnown, key) == 0 && !is_neutral(value))
      throw getters.error(key, "an option of LoRA that is not supported", "null, or false");
  const auto init = config.find("init_lora_weights");
  if (init != config.end() && init->is_string() &&
      std::ranges::count(kInitialisations, init->get_ref<const std::string&>()) == 0)
    throw getters.error("init_lora_weights", init->get<std::string>(),
                        "true, false, gaussian, eva or orthogonal: others change the base model too; save the adapter "
                        "converted to plain LoRA");
}

class PeftReader {
 public:
  PeftReader(const json& config, std::string where)
      : getters_(config, where),
        where_(std::move(where)),
        ranks_(config, getters_, "rank_pattern"),
        alphas_(config, getters_, "alpha_pattern"),
        targets_(config, getters_, "target_modules"),
        excluded_(config, getters_, "exclude_modules"),
        layers_(config, getters_),
        saved_(getters_.strings("modules_to_save")) {
    refuse_unsupported(config, getters_);
    rank_ = getters_.size("r");
    alpha_ = getters_.number("lora_alpha");
    bias_ = getters_.string("bias", "none");
    dora_ = getters_.boolean("use_dora", false);
  }

  Adapter read(std::span<const TensorView> tensors) {
    adapter_.kind = dora_ ? "DoRA" : "LoRA";
    for (const TensorView& tensor : tensors) sort(tensor);
    for (auto& [module, change] : changes_) {
      check(change);
      adapter_.linears.push_back(std::move(change));
    }
    if (adapter_.linears.empty() && adapter_.replaced.empty()) throw refuse("no tensor", "lora_A and lora_B pairs");
    if (targets_.given())
      adapter_.targeted = [targets = targets_, excluded = excluded_, layers = layers_](std::string_view module) {
        return targets.matches(module) && !excluded.matches(module) && layers.passes(module);
      };
    return std::move(adapter_);
  }

 private:
  Error refuse(std::string found, std::string expected, std::string_view tensor = {}) const {
    return Error({.doing = "read a LoRA adapter",
                  .where = tensor.empty() ? where_ : fmt::format("{}, tensor {}", where_, tensor),
                  .found = std::move(found),
                  .expected = std::move(expected)});
  }

  void sort(const TensorView& tensor) {
    constexpr std::string_view kPrefix = "base_model.model.";
    std::string_view name = tensor.name;
    const bool plain = std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c < 127; });
    if (!plain || !name.starts_with(kPrefix))
      throw refuse("a name that is none of PEFT's", "base_model.model.MODULE…", name);
    name.remove_prefix(kPrefix.size());
    const auto ends = [&](std::string_view suffix) {
      if (!name.ends_with(suffix)) return false;
      name.remove_suffix(suffix.size());
      return true;
    };
    if (ends(".lora_A.weight")) return put(name, &LinearChange::a, tensor);
    if (ends(".lora_B.weight")) return put(name, &LinearChange::b, tensor);
    if (ends(".lora_B.bias")) return put(name, &LinearChange::bias, tensor);
    if (dora_ && ends(".lora_magnitude_vector")) return put(name, &LinearChange::magnitude, tensor);
    if (name.find("lora_") != name.npos)
      throw refuse("a part of LoRA that is not supported", "lora_A.weight, lora_B.weight or lora_B.bias", tensor.name);
    replace(std::string(name), tensor);
  }

  void put(std::string_view module, TensorView LinearChange::*part, const TensorView& tensor) {
    LinearChange& change = changes_[std::string(module)];
    change.module = module;
    change.*part = tensor;
  }

  /// A module saved whole (embeddings and heads also where the config does not list them: their vocabulary grew), or a
  /// bias that was trained.
  void replace(std::string name, const TensorView& tensor) {
    constexpr std::string_view kInside = ".base_layer";
    if (const size_t at = name.find(kInside); at != name.npos) name.erase(at, kInside.size());
    const std::string module = name.substr(0, name.rfind('.'));
    const auto is_in = [&](const std::string& listed) { return module == listed || module.ends_with("." + listed); };
    const bool saved = std::ranges::any_of(saved_, is_in) || is_in("embed_tokens") || is_in("lm_head");
    if (!saved && !(bias_ != "none" && name.ends_with(".bias")))
      throw refuse("a tensor that the config does not account for", "one of a module in modules_to_save", tensor.name);
    TensorView& replaced = adapter_.replaced.emplace_back(tensor);
    replaced.name = std::move(name);
  }

  void check(LinearChange& change) {
    const auto shape = [](const TensorView& tensor) { return shape_string(tensor.shape); };
    if (change.a.data == nullptr || change.b.data == nullptr)
      throw refuse(fmt::format("only one half of the pair of {}", change.module),
                   "both lora_A.weight and lora_B.weight");
    if (change.a.shape.size() != 2 || change.b.shape.size() != 2 || change.b.cols() != change.a.rows())
      throw refuse(fmt::format("{} has A {} and B {}", change.module, shape(change.a), shape(change.b)),
                   "[rank, inputs] and [outputs, rank]");
    const double rank = ranks_.find(change.module).value_or(double(rank_));
    if (double(change.rank()) != rank)
      throw refuse(fmt::format("rank {} of {}", change.rank(), change.module),
                   fmt::format("the config's {} (r, rank_pattern)", rank));
    if (targets_.given() && !(targets_.matches(change.module) && layers_.passes(change.module)))
      throw refuse(fmt::format("a pair for {}", change.module), "modules that target_modules names");
    if (dora_) check_magnitude(change);
    const double alpha = alphas_.find(change.module).value_or(alpha_);
    change.scale = alpha / (getters_.boolean("use_rslora", false) ? std::sqrt(rank) : rank);
  }

  void check_magnitude(const LinearChange& change) const {
    if (change.magnitude.data == nullptr)
      throw refuse(fmt::format("no lora_magnitude_vector of {}", change.module), "one for each pair, as use_dora says");
    if (change.bias.data != nullptr)
      throw refuse(fmt::format("a lora_B.bias of {} beside a lora_magnitude_vector", change.module),
                   "use_dora without lora_bias, as PEFT has it");
  }

  const ConfigJson getters_;
  const std::string where_;
  const ModulePatterns ranks_, alphas_;
  const ModuleMatcher targets_, excluded_;
  const LayerFilter layers_;
  const std::vector<std::string> saved_;
  int64_t rank_ = 0;
  double alpha_ = 0;
  std::string bias_;
  bool dora_ = false;
  std::map<std::string, LinearChange> changes_;
  Adapter adapter_;
};

}  // namespace

Adapter read_peft(const json& config, const std::string& where, std::span<const TensorView> tensors) {
  return PeftReader(config, where).read(tensors);
}

}  // namespace orrery::text
