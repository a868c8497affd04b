// Pre-norm RMSNorm, rotary embedding, grouped-query attention, SwiGLU. Tensor names: huggingface/transformers,
// LlamaForCausalLM; ggml-org/llama.cpp, LLM_ARCH_LLAMA; meta-llama/llama and karpathy/llama2.c. Golden: text/llama*,
// text/smollm*.
#include "orrery/text/families/llama.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {

namespace {

using Spec = DecoderSpec;
constexpr auto vocab = [](const Spec& s) { return s.vocab_size; };
constexpr auto hidden = [](const Spec& s) { return s.hidden_size; };
constexpr auto inner = [](const Spec& s) { return s.intermediate_size; };
constexpr auto queries = [](const Spec& s) { return s.heads * s.head_dim; };
constexpr auto keys = [](const Spec& s) { return s.kv_heads * s.head_dim; };
constexpr auto untied = [](const Spec& s) { return !s.tied_embeddings; };
constexpr auto qkv_bias = [](const Spec& s) { return s.qkv_bias; };
constexpr auto o_bias = [](const Spec& s) { return s.o_bias; };
constexpr auto mlp_bias = [](const Spec& s) { return s.mlp_bias; };

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

Activation activation_of(const ConfigJson& config) {
  const std::string name = config.string("hidden_act", "silu");
  if (name == "silu" || name == "swish") return Activation::kSilu;
  throw config.error("hidden_act", name, "silu: this family is not supported with another");
}

/// Options that change the numbers and that this family's code does not compute.
void refuse_unsupported(const ConfigJson& config) {
  for (std::string_view key : {"quantization_config", "sliding_window", "num_local_experts", "attn_logit_softcapping",
                               "final_logit_softcapping", "logit_scale", "residual_multiplier", "embedding_multiplier"})
    if (config.has(key)) throw config.error(key, "an option that is not supported in this family", "none, or null");
  if (config.boolean("rope_interleaved", false))
    throw config.error("rope_interleaved", "true", "false: nothing else is supported in this family");
}

void check_heads(const DecoderSpec& spec, const std::string& where) {
  if (spec.heads % spec.kv_heads != 0)
    throw Error({.doing = "read a model's config",
                 .where = where,
                 .found = fmt::format("{} query heads on {} key-value heads", spec.heads, spec.kv_heads),
                 .expected = "a whole number of query heads for each key-value head"});
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config);
  DecoderSpec spec;
  spec.family = "llama";
  spec.vocab_size = config.size("vocab_size");
  spec.hidden_size = config.size("hidden_size");
  spec.intermediate_size = config.size("intermediate_size");
  spec.layers = config.size("num_hidden_layers");
  spec.heads = config.size("num_attention_heads");
  spec.kv_heads = config.size("num_key_value_heads", spec.heads);
  check_heads(spec, config.where());
  if (!config.has("head_dim") && spec.hidden_size % spec.heads != 0)
    throw config.error("hidden_size", std::to_string(spec.hidden_size),
                       fmt::format("a multiple of the {} heads, or a head_dim", spec.heads));
  spec.head_dim = config.size("head_dim", spec.hidden_size / spec.heads);
  spec.context_length = config.size("max_position_embeddings", 2048);
  spec.norm_eps = config.number("rms_norm_eps", 1e-6);
  spec.activation = activation_of(config);
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.qkv_bias = spec.o_bias = config.boolean("attention_bias", false);
  spec.mlp_bias = config.boolean("mlp_bias", false);
  spec.rope = rope_from_hub(config, spec.head_dim, spec.context_length);
  return spec;
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  if (const int64_t experts = config.integer("expert_count", 0); experts > 0)
    throw config.error("expert_count", std::to_string(experts),
                       "0: a mixture of experts is not supported in this family");
  const formats::GgufFile& file = config.file();
  const TensorView* embedding = file.find("token_embd.weight");
  DecoderSpec spec;
  spec.family = "llama";
  spec.vocab_size = embedding ? embedding->rows() : config.size("vocab_size");
  spec.hidden_size = config.size("embedding_length");
  spec.intermediate_size = config.size("feed_forward_length");
  spec.layers = config.size("block_count");
  spec.heads = config.size("attention.head_count");
  spec.kv_heads = config.size("attention.head_count_kv", spec.heads);
  check_heads(spec, config.where());
  spec.head_dim = config.size("attention.key_length", std::max<int64_t>(1, spec.hidden_size / spec.heads));
  if (const int64_t value_dim = config.size("attention.value_length", spec.head_dim); value_dim != spec.head_dim)
    throw config.error("attention.value_length", std::to_string(value_dim),
                       fmt::format("the key_length, {}", spec.head_dim));
  spec.context_length = config.size("context_length");
  spec.norm_eps = config.number("attention.layer_norm_rms_epsilon", 1e-5);
  spec.tied_embeddings = file.find("output.weight") == nullptr;
  spec.qkv_bias = file.find("blk.0.attn_q.bias") != nullptr;
  spec.o_bias = file.find("blk.0.attn_output.bias") != nullptr;
  spec.mlp_bias = file.find("blk.0.ffn_gate.bias") != nullptr;
  spec.rope = rope_from_gguf(config, spec.head_dim, spec.context_length);
  spec.rope.layout = RopeLayout::kInterleaved;
  return spec;
}

/// Llama 2's hub files and llama2.c's keep the rotary frequencies; a tied head may be stored all the same, and the
/// embedding rules.
bool ignorable(std::string_view name, const DecoderSpec& spec) {
  return name.ends_with("rotary_emb.inv_freq") || name == "rope_freqs.weight" || name == "freqs_cos" ||
         name == "freqs_sin" || (spec.tied_embeddings && name == "lm_head.weight");
}

}  // namespace

Family llama_family() {
  return {
      .name = "llama",
      .gguf_architectures = {"llama"},
      .model_types = {"llama"},
      .hub_architectures = {"LlamaForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .tensors = kTensors,
      .ignorable = ignorable,
  };
}

}  // namespace orrery::text
