// Tensor names: huggingface/transformers, MixtralForCausalLM; ggml-org/llama.cpp, LLM_ARCH_LLAMA with experts. Files
// keep an expert's matrices apart (the hub, early GGUF) or stacked (GGUF; transformers 5 in memory: gate and up in
// one). Golden: text/mixtral.
#include "orrery/text/families/mixtral.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/llama.h"

namespace orrery::text {

namespace {

using namespace extents;

// clang-format off
const TensorRow kExperts[] = {
    {"model.layers.{}.mlp.router.weight", "blk.{}.ffn_gate_inp.weight", "", {experts, hidden}, nullptr, "model.layers.{}.block_sparse_moe.gate.weight"},
    {"model.layers.{}.mlp.experts.{}.gate_proj.weight", "blk.{}.ffn_gate_exps.weight", "", {inner, hidden}, nullptr, "model.layers.{}.block_sparse_moe.experts.{}.w1.weight"},
    {"model.layers.{}.mlp.experts.{}.up_proj.weight", "blk.{}.ffn_up_exps.weight", "", {inner, hidden}, nullptr, "model.layers.{}.block_sparse_moe.experts.{}.w3.weight"},
    {"model.layers.{}.mlp.experts.{}.down_proj.weight", "blk.{}.ffn_down_exps.weight", "", {hidden, inner}, nullptr, "model.layers.{}.block_sparse_moe.experts.{}.w2.weight"},
};
// clang-format on

/// Llama's rows, with the experts' in place of the MLP's.
std::vector<TensorRow> make_tensors() {
  std::vector<TensorRow> rows;
  for (const TensorRow& row : llama_tensors()) {
    if (row.canonical.find(".mlp.") == std::string_view::npos) {
      rows.push_back(row);
    } else if (row.canonical.ends_with("gate_proj.weight")) {
      rows.insert(rows.end(), std::begin(kExperts), std::end(kExperts));
    }
  }
  return rows;
}

void check_mixture(const MixtureSpec& mixture, const Error& fault) {
  if (mixture.active > mixture.experts) throw fault;
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config, {"sliding_window", "num_local_experts"});
  DecoderSpec spec;
  spec.family = "mixtral";
  read_llama(config, spec);
  spec.mixture = {config.size("num_local_experts", 8), config.size("num_experts_per_tok", 2)};
  check_mixture(spec.mixture, config.error("num_experts_per_tok", std::to_string(spec.mixture.active),
                                           fmt::format("at most the {} experts", spec.mixture.experts)));
  if (config.has("sliding_window")) spec.windows = read_windows(config, spec.layers, config.size("sliding_window"));
  return spec;
}

bool has_experts(const GgufConfig& config) { return config.integer("expert_count", 0) > 0; }

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  spec.family = "mixtral";
  read_llama(config, spec);
  spec.mixture = {config.size("expert_count"), config.size("expert_used_count")};
  check_mixture(spec.mixture, config.error("expert_used_count", std::to_string(spec.mixture.active),
                                           fmt::format("at most the {} experts", spec.mixture.experts)));
  if (config.has("attention.sliding_window")) spec.windows.assign(spec.layers, config.size("attention.sliding_window"));
  return spec;
}

/// "PREFIX.EXPERT.weight" of early GGUF files as a slice of "PREFIX_exps.weight"; the hub's gate and up in one
/// [experts, 2·inner, hidden], and its stacked down.
std::vector<TensorView> split(const TensorView& tensor, const DecoderSpec& spec) {
  const std::string_view name = tensor.name;
  for (std::string_view part : {".ffn_gate.", ".ffn_up.", ".ffn_down."}) {
    const size_t at = name.find(part);
    if (at == std::string_view::npos || !name.ends_with(".weight")) continue;
    const size_t stem = at + part.size() - 1;
    const std::string_view rest = name.substr(stem + 1);
    if (rest == "weight") continue;
    const std::string expert(rest.substr(0, rest.find('.')));
    if (expert.empty() || expert.size() > 6 || expert.find_first_not_of("0123456789") != std::string::npos) continue;
    return {rows_of(tensor, slice_name(fmt::format("{}_exps.weight", name.substr(0, stem)), std::stoll(expert)), 0,
                    tensor.shape[0])};
  }
  const size_t at = name.find(".mlp.experts.");
  if (at == std::string_view::npos || tensor.shape.size() != 3 || tensor.shape[0] != spec.mixture.experts) return {};
  const bool down = name.ends_with(".down_proj");
  if (!down && (!name.ends_with(".gate_up_proj") || tensor.shape[1] != 2 * spec.intermediate_size)) return {};
  std::vector<TensorView> parts;
  for (int64_t e = 0; e < spec.mixture.experts; ++e) {
    const std::string prefix = fmt::format("{}.block_sparse_moe.experts.{}.", name.substr(0, at), e);
    const TensorView whole = slice_of(tensor, prefix + "w2.weight", e);
    if (down) {
      parts.push_back(whole);
      continue;
    }
    parts.push_back(rows_of(whole, prefix + "w1.weight", 0, spec.intermediate_size));
    parts.push_back(rows_of(whole, prefix + "w3.weight", spec.intermediate_size, spec.intermediate_size));
  }
  return parts;
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  describe_llama(spec, config);
  config["num_local_experts"] = spec.mixture.experts;
  config["num_experts_per_tok"] = spec.mixture.active;
  config["sliding_window"] = nullptr;
  write_windows(spec, config);
}

}  // namespace

Family mixtral_family() {
  static const std::vector<TensorRow> tensors = make_tensors();
  return {
      .name = "mixtral",
      .gguf_architectures = {"llama"},
      .model_types = {"mixtral"},
      .hub_architectures = {"MixtralForCausalLM", "MixtralForSequenceClassification"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = tensors,
      .ignorable = ignorable_in_llama,
      .split = split,
      .claims_gguf = has_experts,
      .gguf_layout = RopeLayout::kInterleaved,
      .gguf_windows = true,
  };
}

}  // namespace orrery::text
