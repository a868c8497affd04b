// Tensor names: huggingface/transformers, FuyuForCausalLM. Golden: text/fuyu.
#include "orrery/text/families/fuyu.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {

namespace {

using namespace extents;
constexpr auto fused = [](const Spec& s) { return 3 * s.heads * s.head_dim; };
constexpr auto patch = [](const Spec& s) { return s.patches.values(); };

// clang-format off
#define HUB "language_model.model.layers.{}."
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "", "", {vocab, hidden}, nullptr, "language_model.model.embed_tokens.weight"},
    {"vision_embed_tokens.weight", "", "", {hidden, patch}},
    {"vision_embed_tokens.bias", "", "", {hidden}},
    {"model.layers.{}.input_layernorm.weight", "", "", {hidden}, nullptr, HUB "input_layernorm.weight"},
    {"model.layers.{}.input_layernorm.bias", "", "", {hidden}, nullptr, HUB "input_layernorm.bias"},
    {"model.layers.{}.self_attn.qkv_proj.weight", "", "", {fused, hidden}, nullptr, HUB "self_attn.query_key_value.weight"},
    {"model.layers.{}.self_attn.qkv_proj.bias", "", "", {fused}, nullptr, HUB "self_attn.query_key_value.bias"},
    {"model.layers.{}.self_attn.q_norm.weight", "", "", {head}, qk_norm, HUB "self_attn.q_layernorm.weight"},
    {"model.layers.{}.self_attn.q_norm.bias", "", "", {head}, qk_norm, HUB "self_attn.q_layernorm.bias"},
    {"model.layers.{}.self_attn.k_norm.weight", "", "", {head}, qk_norm, HUB "self_attn.k_layernorm.weight"},
    {"model.layers.{}.self_attn.k_norm.bias", "", "", {head}, qk_norm, HUB "self_attn.k_layernorm.bias"},
    {"model.layers.{}.self_attn.o_proj.weight", "", "", {hidden, queries}, nullptr, HUB "self_attn.dense.weight"},
    {"model.layers.{}.self_attn.o_proj.bias", "", "", {hidden}, nullptr, HUB "self_attn.dense.bias"},
    {"model.layers.{}.post_attention_layernorm.weight", "", "", {hidden}, nullptr, HUB "post_attention_layernorm.weight"},
    {"model.layers.{}.post_attention_layernorm.bias", "", "", {hidden}, nullptr, HUB "post_attention_layernorm.bias"},
    {"model.layers.{}.mlp.up_proj.weight", "", "", {inner, hidden}, nullptr, HUB "mlp.dense_h_to_4h.weight"},
    {"model.layers.{}.mlp.up_proj.bias", "", "", {inner}, nullptr, HUB "mlp.dense_h_to_4h.bias"},
    {"model.layers.{}.mlp.down_proj.weight", "", "", {hidden, inner}, nullptr, HUB "mlp.dense_4h_to_h.weight"},
    {"model.layers.{}.mlp.down_proj.bias", "", "", {hidden}, nullptr, HUB "mlp.dense_4h_to_h.bias"},
    {"model.norm.weight", "", "", {hidden}, nullptr, "language_model.model.final_layernorm.weight"},
    {"model.norm.bias", "", "", {hidden}, nullptr, "language_model.model.final_layernorm.bias"},
    {"lm_head.weight", "", "", {vocab, hidden}, untied, "language_model.lm_head.weight"},
};
#undef HUB
// clang-format on

/// Text settings stand beside the picture's in 2023's flat configs, under text_config in later ones.
DecoderSpec spec_from_hub(const ConfigJson& config) {
  const ConfigJson text = config.has("text_config") ? config.object("text_config") : config;
  refuse_unsupported(text);
  DecoderSpec spec;
  spec.family = "fuyu";
  read_sizes(text, spec);
  spec.kv_heads = spec.heads;
  spec.context_length = text.size("max_position_embeddings", 16384);
  spec.norm = NormKind::kLayer;
  spec.norm_eps = text.number("layer_norm_eps", 1e-5);
  spec.qkv_bias = spec.o_bias = spec.mlp_bias = spec.qkv_interleaved = true;
  if (text.boolean("qk_layernorm", true)) spec.qk_norm = NormKind::kLayer;
  spec.gated_mlp = false;
  spec.activation = read_activation(text, "hidden_act", "relu2");
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.rope = rope_from_hub(text, spec.head_dim, spec.context_length, 0.5);
  if (!text.has("rope_theta") && !text.has("rope_parameters")) spec.rope.theta = 25000;
  spec.patches = {.size = config.size("patch_size", 30),
                  .channels = config.size("num_channels", 3),
                  .image_token = int32_t(config.integer("image_token_id", 71011))};
  if (spec.patches.size > 1024 || spec.patches.channels > 1024)
    throw config.error("patch_size", fmt::format("{}, {} channels", spec.patches.size, spec.patches.channels),
                       "at most 1024 each");
  if (spec.patches.image_token < 0 || spec.patches.image_token >= spec.vocab_size)
    throw config.error("image_token_id", std::to_string(spec.patches.image_token),
                       fmt::format("a token of the {}", spec.vocab_size));
  return spec;
}

bool ignorable(std::string_view name, const DecoderSpec&) { return name.ends_with("rotary_emb.inv_freq"); }

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  write_sizes(spec, config);
  config["layer_norm_eps"] = shortest(spec.norm_eps);
  config["hidden_act"] = activation_name(spec.activation);
  config["qk_layernorm"] = spec.qk_norm.has_value();
  config["partial_rotary_factor"] = double(spec.rope.dim) / double(spec.head_dim);
  write_rope(spec.rope, config);
  config["patch_size"] = spec.patches.size;
  config["num_channels"] = spec.patches.channels;
  config["image_token_id"] = spec.patches.image_token;
}

}  // namespace

Family fuyu_family() {
  return {
      .name = "fuyu",
      .gguf_architectures = {},  // llama.cpp has no such model
      .model_types = {"fuyu"},
      .hub_architectures = {"FuyuForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = nullptr,
      .describe = describe,
      .tensors = kTensors,
      .ignorable = ignorable,
  };
}

}  // namespace orrery::text
