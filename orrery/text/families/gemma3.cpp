// Tensor names: huggingface/transformers, Gemma3ForCausalLM; ggml-org/llama.cpp, LLM_ARCH_GEMMA3. Golden: text/gemma3.
#include "orrery/text/families/gemma3.h"

#include <cmath>

#include <fmt/format.h>
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
    {"model.layers.{}.self_attn.q_proj.weight", "blk.{}.attn_q.weight", "", {queries, hidden}},
    {"model.layers.{}.self_attn.k_proj.weight", "blk.{}.attn_k.weight", "", {keys, hidden}},
    {"model.layers.{}.self_attn.v_proj.weight", "blk.{}.attn_v.weight", "", {keys, hidden}},
    {"model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight", "", {head}},
    {"model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight", "", {head}},
    {"model.layers.{}.self_attn.o_proj.weight", "blk.{}.attn_output.weight", "", {hidden, queries}},
    {"model.layers.{}.attention_output_norm.weight", "blk.{}.post_attention_norm.weight", "", {hidden}, nullptr, "model.layers.{}.post_attention_layernorm.weight"},
    {"model.layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight", "", {hidden}, nullptr, "model.layers.{}.pre_feedforward_layernorm.weight"},
    {"model.layers.{}.mlp.gate_proj.weight", "blk.{}.ffn_gate.weight", "", {inner, hidden}},
    {"model.layers.{}.mlp.up_proj.weight", "blk.{}.ffn_up.weight", "", {inner, hidden}},
    {"model.layers.{}.mlp.down_proj.weight", "blk.{}.ffn_down.weight", "", {hidden, inner}},
    {"model.layers.{}.mlp_output_norm.weight", "blk.{}.post_ffw_norm.weight", "", {hidden}, nullptr, "model.layers.{}.post_feedforward_layernorm.weight"},
    {"model.norm.weight", "output_norm.weight", "", {hidden}},
    {"lm_head.weight", "output.weight", "", {vocab, hidden}, untied},
};
// clang-format on

constexpr double kHubNormOffset = 1;  // a norm multiplies by 1 + weight
constexpr int64_t kPeriod = 6;        // of five windows and one layer that sees everything, where a file says nothing

/// llama.cpp knows the 27B by its 62 layers, the one whose scale is not the head's.
double gguf_attention_scale(const DecoderSpec& spec) {
  return 1 / std::sqrt(spec.layers == 62 ? double(spec.hidden_size / spec.heads) : double(spec.head_dim));
}

void set_architecture(DecoderSpec& spec) {
  spec.family = "gemma3";
  spec.activation = Activation::kGeluTanh;
  spec.output_norms = true;
  spec.qk_norm = NormKind::kRms;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden_size));
}

/// Layer i sees everything where i + 1 is a multiple of the period.
std::vector<int64_t> periodic_windows(int64_t layers, int64_t window, int64_t period) {
  std::vector<int64_t> windows;
  for (int64_t i = 0; i < layers; ++i) windows.push_back((i + 1) % period == 0 ? 0 : window);
  return windows;
}

/// A period, or for each layer whether it has a window.
std::vector<int64_t> windows_of(const GgufConfig& config, int64_t layers, int64_t window) {
  const std::string_view key = "attention.sliding_window_pattern";
  const std::vector<int64_t> flags = config.flags(key);
  if (flags.empty()) return periodic_windows(layers, window, config.size(key, kPeriod));
  if (int64_t(flags.size()) != layers)
    throw config.error(key, fmt::format("{} entries", flags.size()), fmt::format("one for each of {} layers", layers));
  std::vector<int64_t> windows;
  for (int64_t flag : flags) windows.push_back(flag != 0 ? window : 0);
  return windows;
}

/// transformers 5 has one dictionary for each kind of layer, 2025's files two thetas, of which only the global one is
/// scaled.
void read_ropes(const ConfigJson& config, DecoderSpec& spec) {
  const ConfigJson parameters = config.object("rope_parameters");
  if (parameters.has("full_attention") || parameters.has("sliding_attention")) {
    spec.rope = rope_from_parameters(parameters.object("full_attention"), spec.head_dim, spec.context_length);
    spec.local_rope = rope_from_parameters(parameters.object("sliding_attention"), spec.head_dim, spec.context_length);
    return;
  }
  spec.rope = rope_from_hub(config, spec.head_dim, spec.context_length);
  if (!config.has("rope_theta") && !parameters.has("rope_theta")) spec.rope.theta = 1e6;
  spec.local_rope = RopeSpec{.theta = config.number("rope_local_base_freq", 1e4), .dim = spec.head_dim};
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config, {"sliding_window"});
  if (config.boolean("attention_bias", false))
    throw config.error("attention_bias", "true", "false: nothing else is supported in this family");
  if (config.boolean("use_bidirectional_attention", false))
    throw config.error("use_bidirectional_attention", "true", "false: nothing else is supported in this family");
  DecoderSpec spec;
  read_sizes(config, spec);
  read_labels(config, spec);
  set_architecture(spec);
  if (!config.has("head_dim")) spec.head_dim = 256;
  spec.context_length = config.size("max_position_embeddings", 131072);
  spec.norm_eps = config.number("rms_norm_eps", 1e-6);
  spec.norm_offset = kHubNormOffset;
  const std::string_view key = config.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  spec.activation = read_activation(config, key, "gelu_pytorch_tanh");
  spec.tied_embeddings = config.boolean("tie_word_embeddings", true);
  const double scalar = config.number("query_pre_attn_scalar", 256);
  if (!(scalar > 0)) throw config.error("query_pre_attn_scalar", fmt::format("{}", scalar), "a positive number");
  spec.attention_scale = 1 / std::sqrt(scalar);
  const int64_t window = config.size("sliding_window", 4096);
  const std::string_view period =
      config.has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
  spec.windows = config.has("layer_types") ? read_windows(config, spec.layers, window)
                                           : periodic_windows(spec.layers, window, config.size(period, kPeriod));
  read_ropes(config, spec);
  return spec;
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  read_sizes(config, spec);
  set_architecture(spec);
  spec.norm_eps = config.number("attention.layer_norm_rms_epsilon", 1e-6);
  spec.attention_scale = gguf_attention_scale(spec);
  if (config.has("attention.sliding_window"))
    spec.windows = windows_of(config, spec.layers, config.size("attention.sliding_window"));
  spec.rope = rope_from_gguf(config, spec.head_dim, spec.context_length);
  if (!config.has("rope.freq_base")) spec.rope.theta = 1e6;
  spec.local_rope = RopeSpec{.theta = config.positive("rope.freq_base_swa", 1e4), .dim = spec.rope.dim};
  return spec;
}

bool ignorable(std::string_view name, const DecoderSpec& spec) {
  return name.ends_with("rotary_emb.inv_freq") || (spec.tied_embeddings && name == "lm_head.weight");
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  write_sizes(spec, config);
  config["head_dim"] = spec.head_dim;
  config["rms_norm_eps"] = shortest(spec.norm_eps);
  config["hidden_activation"] = activation_name(spec.activation);
  config["query_pre_attn_scalar"] =
      spec.attention_scale > 0 ? std::llround(1 / (spec.attention_scale * spec.attention_scale)) : spec.head_dim;
  write_rope(spec.rope, config);
  config["rope_local_base_freq"] = spec.local_rope->theta;
  config["sliding_window"] = 4096;  // of no layer, where no layer has one
  config["layer_types"] = std::vector<std::string>(spec.layers, "full_attention");
  if (!spec.windows.empty()) {
    config.erase("layer_types");
    write_windows(spec, config);
  }
}

}  // namespace

Family gemma3_family() {
  return {
      .name = "gemma3",
      .gguf_architectures = {"gemma3"},
      .model_types = {"gemma3_text"},
      .hub_architectures = {"Gemma3ForCausalLM", "Gemma3TextForSequenceClassification"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = kTensors,
      .ignorable = ignorable,
      .gguf_attention_scale = gguf_attention_scale,
      .hub_norm_offset = kHubNormOffset,
      .gguf_windows = true,
  };
}

}  // namespace orrery::text
