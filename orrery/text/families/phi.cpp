// Tensor names: huggingface/transformers, PhiForCausalLM; ggml-org/llama.cpp, LLM_ARCH_PHI2. The authors' first uploads
// (MixFormerSequentialForCausalLM, then phi-msft's PhiForCausalLM) have names, and config keys, of their own. Golden:
// text/phi.
#include "orrery/text/families/phi.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {

namespace {

using namespace extents;

// clang-format off
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "token_embd.weight", "", {vocab, hidden}},
    {"model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", "", {hidden}},
    {"model.layers.{}.input_layernorm.bias", "blk.{}.attn_norm.bias", "", {hidden}},
    {"model.layers.{}.self_attn.q_proj.weight", "blk.{}.attn_q.weight", "", {queries, hidden}},
    {"model.layers.{}.self_attn.q_proj.bias", "blk.{}.attn_q.bias", "", {queries}},
    {"model.layers.{}.self_attn.k_proj.weight", "blk.{}.attn_k.weight", "", {keys, hidden}},
    {"model.layers.{}.self_attn.k_proj.bias", "blk.{}.attn_k.bias", "", {keys}},
    {"model.layers.{}.self_attn.v_proj.weight", "blk.{}.attn_v.weight", "", {keys, hidden}},
    {"model.layers.{}.self_attn.v_proj.bias", "blk.{}.attn_v.bias", "", {keys}},
    {"model.layers.{}.self_attn.o_proj.weight", "blk.{}.attn_output.weight", "", {hidden, queries}, nullptr, "model.layers.{}.self_attn.dense.weight"},
    {"model.layers.{}.self_attn.o_proj.bias", "blk.{}.attn_output.bias", "", {hidden}, nullptr, "model.layers.{}.self_attn.dense.bias"},
    {"model.layers.{}.mlp.up_proj.weight", "blk.{}.ffn_up.weight", "", {inner, hidden}, nullptr, "model.layers.{}.mlp.fc1.weight"},
    {"model.layers.{}.mlp.up_proj.bias", "blk.{}.ffn_up.bias", "", {inner}, nullptr, "model.layers.{}.mlp.fc1.bias"},
    {"model.layers.{}.mlp.down_proj.weight", "blk.{}.ffn_down.weight", "", {hidden, inner}, nullptr, "model.layers.{}.mlp.fc2.weight"},
    {"model.layers.{}.mlp.down_proj.bias", "blk.{}.ffn_down.bias", "", {hidden}, nullptr, "model.layers.{}.mlp.fc2.bias"},
    {"model.norm.weight", "output_norm.weight", "", {hidden}, nullptr, "model.final_layernorm.weight"},
    {"model.norm.bias", "output_norm.bias", "", {hidden}, nullptr, "model.final_layernorm.bias"},
    {"lm_head.weight", "output.weight", "", {vocab, hidden}, untied},
    {"lm_head.bias", "output.bias", "", {vocab}, head_bias},
};
// clang-format on

void set_architecture(DecoderSpec& spec) {
  spec.family = "phi";
  spec.norm = NormKind::kLayer;
  spec.parallel_blocks = true;
  spec.gated_mlp = false;
  spec.qkv_bias = spec.o_bias = spec.mlp_bias = true;
  spec.head_bias = spec.labels == 0;
}

/// The first uploads' keys.
DecoderSpec spec_from_first_upload(const ConfigJson& config) {
  DecoderSpec spec;
  const int64_t multiple = config.size("pad_vocab_size_multiple", 64);
  spec.vocab_size = (config.size("vocab_size") + multiple - 1) / multiple * multiple;
  spec.hidden_size = config.size("n_embd");
  spec.intermediate_size = config.size("n_inner", 4 * spec.hidden_size);
  spec.layers = config.size("n_layer");
  spec.heads = spec.kv_heads = config.size("n_head");
  if (config.has("n_head_kv") && config.size("n_head_kv") != spec.heads)
    throw config.error("n_head_kv", std::to_string(config.size("n_head_kv")), "n_head, or null");
  if (spec.hidden_size % spec.heads != 0)
    throw config.error("n_embd", std::to_string(spec.hidden_size), fmt::format("a multiple of {} heads", spec.heads));
  spec.head_dim = spec.hidden_size / spec.heads;
  spec.context_length = config.size("n_positions", 2048);
  spec.norm_eps = config.number("layer_norm_epsilon", 1e-5);
  spec.activation = read_activation(config, "activation_function", "gelu_new");
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.rope.dim = std::min(config.size("rotary_dim", 32), spec.head_dim);
  if (spec.rope.dim % 2 != 0) throw config.error("rotary_dim", std::to_string(spec.rope.dim), "an even number");
  set_architecture(spec);
  return spec;
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config);
  if (config.has("n_embd")) return spec_from_first_upload(config);
  if (config.boolean("qk_layernorm", false))
    throw config.error("qk_layernorm", "true", "false: nothing else is supported in this family");
  DecoderSpec spec;
  read_sizes(config, spec);
  read_labels(config, spec);
  spec.context_length = config.size("max_position_embeddings", 2048);
  spec.norm_eps = config.number("layer_norm_eps", 1e-5);
  spec.activation = read_activation(config, "hidden_act", "gelu_new");
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.rope = rope_from_hub(config, spec.head_dim, spec.context_length, 0.5);
  set_architecture(spec);
  return spec;
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  read_sizes(config, spec);
  spec.norm_eps = config.number("attention.layer_norm_epsilon", 1e-5);
  spec.activation = Activation::kGeluTanh;
  spec.rope = rope_from_gguf(config, spec.head_dim, spec.context_length);
  set_architecture(spec);
  spec.head_bias = config.file().find("output.bias") != nullptr;
  return spec;
}

/// Rows [q; k; v] of one tensor under the names that the pattern, with a hole for q, k or v, makes.
std::vector<TensorView> split_qkv(const TensorView& tensor, const std::string& before, const std::string& after,
                                  const DecoderSpec& spec) {
  const int64_t q = spec.heads * spec.head_dim, k = spec.kv_heads * spec.head_dim;
  if (tensor.shape[0] != q + 2 * k) return {};
  return {rows_of(tensor, before + "q" + after, 0, q), rows_of(tensor, before + "k" + after, q, k),
          rows_of(tensor, before + "v" + after, q + k, k)};
}

TensorView renamed(const TensorView& tensor, std::string name) {
  TensorView result = tensor;
  result.name = std::move(name);
  return result;
}

/// "layers.N.REST" or "transformer.h.N.REST": N and REST; -1 for another name.
int64_t layer_of(std::string_view name, std::string_view prefix, std::string_view& rest) {
  if (!name.starts_with(prefix)) return -1;
  name.remove_prefix(prefix.size());
  int64_t layer = -1;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (failure != std::errc() || end == name.data() + name.size() || *end != '.') return -1;
  rest = name.substr(end + 1 - name.data());
  return layer;
}

/// The first uploads' names: "layers.0.wte", "layers.1.mixer.Wqkv" …, "layers.L+1.linear"; or "transformer.embd.wte",
/// "transformer.h.0.mixer.Wqkv" …, "lm_head.linear". And GGUF's attn_qkv.
std::vector<TensorView> split(const TensorView& tensor, const DecoderSpec& spec) {
  const std::string_view name = tensor.name;
  if (tensor.shape.empty()) return {};
  if (const size_t at = name.find("attn_qkv."); at != std::string_view::npos)
    return split_qkv(tensor, std::string(name.substr(0, at)) + "attn_", std::string(name.substr(at + 8)), spec);
  std::string_view rest;
  int64_t layer = layer_of(name, "transformer.h.", rest);
  if (layer < 0) layer = layer_of(name, "layers.", rest) - 1;  // -1: also the embedding, which is their layer 0
  const auto as = [&](std::string_view prefix, std::string_view to) -> std::vector<TensorView> {
    return {renamed(tensor, fmt::format("{}{}", to, rest.substr(prefix.size())))};
  };
  if (name == "layers.0.wte.weight" || name == "transformer.embd.wte.weight")
    return {renamed(tensor, "model.embed_tokens.weight")};
  if (name.starts_with("lm_head.ln.") || name.starts_with("lm_head.linear.")) {
    rest = name.substr(8);
    layer = spec.layers;
  }
  if (layer < 0) return {};
  if (layer == spec.layers) {
    if (rest.starts_with("ln.")) return as("ln.", "model.final_layernorm.");
    if (rest.starts_with("linear.")) return as("linear.", "lm_head.");
    return {};
  }
  const std::string block = fmt::format("model.layers.{}.", layer);
  if (rest.starts_with("ln.")) return as("ln.", block + "input_layernorm.");
  if (rest.starts_with("mixer.out_proj.")) return as("mixer.out_proj.", block + "self_attn.dense.");
  if (rest.starts_with("mlp.fc")) return as("", block);
  if (rest.starts_with("mixer.Wqkv."))
    return split_qkv(tensor, block + "self_attn.", "_proj." + std::string(rest.substr(11)), spec);
  return {};
}

bool ignorable(std::string_view name, const DecoderSpec& spec) {
  return name.ends_with("rotary_emb.inv_freq") || (spec.tied_embeddings && name == "lm_head.weight");
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  write_sizes(spec, config);
  config["layer_norm_eps"] = shortest(spec.norm_eps);
  config["hidden_act"] = spec.activation == Activation::kGeluTanh ? "gelu_new" : activation_name(spec.activation);
  config["partial_rotary_factor"] = double(spec.rope.dim) / double(spec.head_dim);
  write_rope(spec.rope, config);
}

}  // namespace

Family phi_family() {
  return {
      .name = "phi",
      .gguf_architectures = {"phi2"},
      .model_types = {"phi", "phi-msft", "mixformer-sequential"},
      .hub_architectures = {"PhiForCausalLM", "PhiForSequenceClassification", "MixFormerSequentialForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = kTensors,
      .ignorable = ignorable,
      .split = split,
  };
}

}  // namespace orrery::text
