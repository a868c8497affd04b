// Pre-norm RMSNorm, rotary embedding, grouped-query attention, SwiGLU. Tensor names: huggingface/transformers,
// LlamaForCausalLM; ggml-org/llama.cpp, LLM_ARCH_LLAMA; meta-llama/llama and karpathy/llama2.c. Golden: text/llama*,
// text/smollm*.
#include "orrery/text/families/llama.h"

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {

namespace {

using namespace extents;

// clang-format off
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "token_embd.weight", "tok_embeddings.weight", {vocab, hidden}},
    {"model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", "layers.{}.attention_norm.weight", {hidden}},
    {"model.layers.{}.self_attn.q_proj.weight", "blk.{}.attn_q.weight", "layers.{}.attention.wq.weight", {queries, hidden}},
    {"model.layers.{}.self_attn.k_proj.weight", "blk.{}.attn_k.weight", "layers.{}.attention.wk.weight", {keys, hidden}},
    {"model.layers.{}.self_attn.v_proj.weight", "blk.{}.attn_v.weight", "layers.{}.attention.wv.weight", {keys, hidden}},
    {"model.layers.{}.self_attn.o_proj.weight", "blk.{}.attn_output.weight", "layers.{}.attention.wo.weight", {hidden, queries}},
    {"model.layers.{}.self_attn.q_proj.bias", "blk.{}.attn_q.bias", "", {queries}, qkv_bias},
    {"model.layers.{}.self_attn.k_proj.bias", "blk.{}.attn_k.bias", "", {keys}, qkv_bias},
    {"model.layers.{}.self_attn.v_proj.bias", "blk.{}.attn_v.bias", "", {keys}, qkv_bias},
    {"model.layers.{}.self_attn.o_proj.bias", "blk.{}.attn_output.bias", "", {hidden}, o_bias},
    {"model.layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight", "layers.{}.ffn_norm.weight", {hidden}},
    {"model.layers.{}.mlp.gate_proj.weight", "blk.{}.ffn_gate.weight", "layers.{}.feed_forward.w1.weight", {inner, hidden}},
    {"model.layers.{}.mlp.up_proj.weight", "blk.{}.ffn_up.weight", "layers.{}.feed_forward.w3.weight", {inner, hidden}},
    {"model.layers.{}.mlp.down_proj.weight", "blk.{}.ffn_down.weight", "layers.{}.feed_forward.w2.weight", {hidden, inner}},
    {"model.layers.{}.mlp.gate_proj.bias", "blk.{}.ffn_gate.bias", "", {inner}, mlp_bias},
    {"model.layers.{}.mlp.up_proj.bias", "blk.{}.ffn_up.bias", "", {inner}, mlp_bias},
    {"model.layers.{}.mlp.down_proj.bias", "blk.{}.ffn_down.bias", "", {hidden}, mlp_bias},
    {"model.norm.weight", "output_norm.weight", "norm.weight", {hidden}},
    {"lm_head.weight", "output.weight", "output.weight", {vocab, hidden}, untied},
};
// clang-format on

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config);
  DecoderSpec spec;
  spec.family = "llama";
  read_llama(config, spec);
  spec.qkv_bias = spec.o_bias = config.boolean("attention_bias", false);
  spec.mlp_bias = config.boolean("mlp_bias", false);
  return spec;
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  spec.family = "llama";
  read_llama(config, spec);
  return spec;
}

/// What a llama's configs cannot say.
void check_describable(const DecoderSpec& spec) {
  if (spec.qkv_bias != spec.o_bias)
    throw Error(
        {.doing = "write a config.json", .found = "biases on some of q, k, v and o", .expected = "on all or none"});
  if (spec.rope.dim != spec.head_dim)
    throw Error(
        {.doing = "write a config.json", .found = "heads that turn in part", .expected = "heads that turn whole"});
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  check_describable(spec);
  describe_llama(spec, config);
  config["attention_bias"] = spec.qkv_bias;
  config["mlp_bias"] = spec.mlp_bias;
}

}  // namespace

void read_llama(const ConfigJson& config, DecoderSpec& spec) {
  read_sizes(config, spec);
  read_labels(config, spec);
  spec.context_length = config.size("max_position_embeddings", 2048);
  spec.norm_eps = config.number("rms_norm_eps", 1e-6);
  spec.activation = read_activation(config, "hidden_act", "silu");
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.rope = rope_from_hub(config, spec.head_dim, spec.context_length);
}

void read_llama(const GgufConfig& config, DecoderSpec& spec) {
  const formats::GgufFile& file = config.file();
  read_sizes(config, spec);
  spec.norm_eps = config.number("attention.layer_norm_rms_epsilon", 1e-5);
  spec.qkv_bias = file.find("blk.0.attn_q.bias") != nullptr;
  spec.o_bias = file.find("blk.0.attn_output.bias") != nullptr;
  spec.mlp_bias = file.find("blk.0.ffn_gate.bias") != nullptr;
  spec.rope = rope_from_gguf(config, spec.head_dim, spec.context_length);
  spec.rope.layout = RopeLayout::kInterleaved;
}

void describe_llama(const DecoderSpec& spec, nlohmann::json& config) {
  write_sizes(spec, config);
  config["rms_norm_eps"] = shortest(spec.norm_eps);
  config["hidden_act"] = activation_name(spec.activation);
  write_rope(spec.rope, config);
}

bool ignorable_in_llama(std::string_view name, const DecoderSpec& spec) {
  return name.ends_with("rotary_emb.inv_freq") || name == "rope_freqs.weight" || name.starts_with("rope_factors_") ||
         name == "freqs_cos" || name == "freqs_sin" || (spec.tied_embeddings && name == "lm_head.weight");
}

std::span<const TensorRow> llama_tensors() { return kTensors; }

Family llama_family() {
  return {
      .name = "llama",
      .gguf_architectures = {"llama"},
      .model_types = {"llama"},
      .hub_architectures = {"LlamaForCausalLM", "LlamaForSequenceClassification"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = kTensors,
      .ignorable = ignorable_in_llama,
      .gguf_layout = RopeLayout::kInterleaved,
  };
}

}  // namespace orrery::text
