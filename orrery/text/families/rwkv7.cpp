// A state matrix per head that the delta rule writes, with decays, learning rates, residual values and gates of low
// rank. Tensor names: fla-org/flash-linear-attention, RWKV7ForCausalLM; ggml-org/llama.cpp, LLM_ARCH_RWKV7;
// BlinkDL/RWKV-LM, RWKV-v7. Golden: text/rwkv7*.
#include "orrery/text/families/rwkv7.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/rwkv_tensors.h"

namespace orrery::text {

namespace {

using rwkv::hidden, rwkv::inner, rwkv::vocab;
constexpr auto decay_rank = [](const DecoderSpec& s) { return s.rwkv.decay_rank; };
constexpr auto rate_rank = [](const DecoderSpec& s) { return s.rwkv.rate_rank; };
constexpr auto value_rank = [](const DecoderSpec& s) { return s.rwkv.value_rank; };
constexpr auto gate_rank = [](const DecoderSpec& s) { return s.rwkv.gate_rank; };

// clang-format off
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "token_embd.weight", "emb.weight", {vocab, hidden}, nullptr, "model.embeddings.weight"},
    {"model.embed_norm.weight", "token_embd_norm.weight", "blocks.0.ln0.weight", {hidden}, nullptr, "model.layers.0.pre_norm.weight"},
    {"model.embed_norm.bias", "token_embd_norm.bias", "blocks.0.ln0.bias", {hidden}, nullptr, "model.layers.0.pre_norm.bias"},
    {"model.layers.{}.time_mix_norm.weight", "blk.{}.attn_norm.weight", "blocks.{}.ln1.weight", {hidden}, nullptr, "model.layers.{}.attn_norm.weight"},
    {"model.layers.{}.time_mix_norm.bias", "blk.{}.attn_norm.bias", "blocks.{}.ln1.bias", {hidden}, nullptr, "model.layers.{}.attn_norm.bias"},
    {"model.layers.{}.time_mix.mix_r", "blk.{}.time_mix_lerp_fused.weight#0", "blocks.{}.att.x_r", {hidden}, nullptr, "model.layers.{}.attn.x_r"},
    {"model.layers.{}.time_mix.mix_w", "blk.{}.time_mix_lerp_fused.weight#1", "blocks.{}.att.x_w", {hidden}, nullptr, "model.layers.{}.attn.x_w"},
    {"model.layers.{}.time_mix.mix_k", "blk.{}.time_mix_lerp_fused.weight#2", "blocks.{}.att.x_k", {hidden}, nullptr, "model.layers.{}.attn.x_k"},
    {"model.layers.{}.time_mix.mix_v", "blk.{}.time_mix_lerp_fused.weight#3", "blocks.{}.att.x_v", {hidden}, nullptr, "model.layers.{}.attn.x_v"},
    {"model.layers.{}.time_mix.mix_a", "blk.{}.time_mix_lerp_fused.weight#4", "blocks.{}.att.x_a", {hidden}, nullptr, "model.layers.{}.attn.x_a"},
    {"model.layers.{}.time_mix.mix_g", "blk.{}.time_mix_lerp_fused.weight#5", "blocks.{}.att.x_g", {hidden}, nullptr, "model.layers.{}.attn.x_g"},
    {"model.layers.{}.time_mix.decay_up.bias", "blk.{}.time_mix_w0.weight", "blocks.{}.att.w0", {hidden}, nullptr, "model.layers.{}.attn.w_lora.lora.2.bias"},
    {"model.layers.{}.time_mix.decay_down.weight", "blk.{}.time_mix_w1.weight", "blocks.{}.att.w1", {decay_rank, hidden}, nullptr, "model.layers.{}.attn.w_lora.lora.0.weight"},
    {"model.layers.{}.time_mix.decay_up.weight", "blk.{}.time_mix_w2.weight", "blocks.{}.att.w2", {hidden, decay_rank}, nullptr, "model.layers.{}.attn.w_lora.lora.2.weight"},
    {"model.layers.{}.time_mix.rate_up.bias", "blk.{}.time_mix_a0.weight", "blocks.{}.att.a0", {hidden}, nullptr, "model.layers.{}.attn.a_lora.lora.2.bias"},
    {"model.layers.{}.time_mix.rate_down.weight", "blk.{}.time_mix_a1.weight", "blocks.{}.att.a1", {rate_rank, hidden}, nullptr, "model.layers.{}.attn.a_lora.lora.0.weight"},
    {"model.layers.{}.time_mix.rate_up.weight", "blk.{}.time_mix_a2.weight", "blocks.{}.att.a2", {hidden, rate_rank}, nullptr, "model.layers.{}.attn.a_lora.lora.2.weight"},
    {"model.layers.{}.time_mix.residual_up.bias", "blk.{}.time_mix_v0.weight", "blocks.{}.att.v0", {hidden}, nullptr, "model.layers.{}.attn.v_lora.lora.2.bias", 1},
    {"model.layers.{}.time_mix.residual_down.weight", "blk.{}.time_mix_v1.weight", "blocks.{}.att.v1", {value_rank, hidden}, nullptr, "model.layers.{}.attn.v_lora.lora.0.weight", 1},
    {"model.layers.{}.time_mix.residual_up.weight", "blk.{}.time_mix_v2.weight", "blocks.{}.att.v2", {hidden, value_rank}, nullptr, "model.layers.{}.attn.v_lora.lora.2.weight", 1},
    {"model.layers.{}.time_mix.gate_down.weight", "blk.{}.time_mix_g1.weight", "blocks.{}.att.g1", {gate_rank, hidden}, nullptr, "model.layers.{}.attn.g_lora.lora.0.weight"},
    {"model.layers.{}.time_mix.gate_up.weight", "blk.{}.time_mix_g2.weight", "blocks.{}.att.g2", {hidden, gate_rank}, nullptr, "model.layers.{}.attn.g_lora.lora.2.weight"},
    {"model.layers.{}.time_mix.k_k", "blk.{}.time_mix_k_k.weight", "blocks.{}.att.k_k", {hidden}, nullptr, "model.layers.{}.attn.k_k"},
    {"model.layers.{}.time_mix.k_a", "blk.{}.time_mix_k_a.weight", "blocks.{}.att.k_a", {hidden}, nullptr, "model.layers.{}.attn.k_a"},
    {"model.layers.{}.time_mix.r_k", "blk.{}.time_mix_r_k.weight", "blocks.{}.att.r_k", {hidden}, nullptr, "model.layers.{}.attn.r_k"},
    {"model.layers.{}.time_mix.receptance.weight", "blk.{}.time_mix_receptance.weight", "blocks.{}.att.receptance.weight", {hidden, hidden}, nullptr, "model.layers.{}.attn.r_proj.weight"},
    {"model.layers.{}.time_mix.key.weight", "blk.{}.time_mix_key.weight", "blocks.{}.att.key.weight", {hidden, hidden}, nullptr, "model.layers.{}.attn.k_proj.weight"},
    {"model.layers.{}.time_mix.value.weight", "blk.{}.time_mix_value.weight", "blocks.{}.att.value.weight", {hidden, hidden}, nullptr, "model.layers.{}.attn.v_proj.weight"},
    {"model.layers.{}.time_mix.output.weight", "blk.{}.time_mix_output.weight", "blocks.{}.att.output.weight", {hidden, hidden}, nullptr, "model.layers.{}.attn.o_proj.weight"},
    {"model.layers.{}.time_mix.head_norm.weight", "blk.{}.time_mix_ln.weight", "blocks.{}.att.ln_x.weight", {hidden}, nullptr, "model.layers.{}.attn.g_norm.weight"},
    {"model.layers.{}.time_mix.head_norm.bias", "blk.{}.time_mix_ln.bias", "blocks.{}.att.ln_x.bias", {hidden}, nullptr, "model.layers.{}.attn.g_norm.bias"},
    {"model.layers.{}.channel_mix_norm.weight", "blk.{}.attn_norm_2.weight", "blocks.{}.ln2.weight", {hidden}, nullptr, "model.layers.{}.ffn_norm.weight"},
    {"model.layers.{}.channel_mix_norm.bias", "blk.{}.attn_norm_2.bias", "blocks.{}.ln2.bias", {hidden}, nullptr, "model.layers.{}.ffn_norm.bias"},
    {"model.layers.{}.channel_mix.mix_k", "blk.{}.channel_mix_lerp_k.weight", "blocks.{}.ffn.x_k", {hidden}, nullptr, "model.layers.{}.ffn.x_k"},
    {"model.layers.{}.channel_mix.key.weight", "blk.{}.channel_mix_key.weight", "blocks.{}.ffn.key.weight", {inner, hidden}, nullptr, "model.layers.{}.ffn.key.weight"},
    {"model.layers.{}.channel_mix.value.weight", "blk.{}.channel_mix_value.weight", "blocks.{}.ffn.value.weight", {hidden, inner}, nullptr, "model.layers.{}.ffn.value.weight"},
    {"model.norm.weight", "output_norm.weight", "ln_out.weight", {hidden}, nullptr, "model.norm.weight"},
    {"model.norm.bias", "output_norm.bias", "ln_out.bias", {hidden}, nullptr, "model.norm.bias"},
    {"lm_head.weight", "output.weight", "head.weight", {vocab, hidden}, nullptr, "lm_head.weight"},
};
// clang-format on

constexpr double kNormEps = 1e-5;

DecoderSpec sized(DecoderSpec spec, const Error& uneven) {
  spec.family = "rwkv7";
  spec.mixer = MixerKind::kRwkv7;
  spec.norm = NormKind::kLayer;
  if (spec.hidden_size % spec.head_dim != 0) throw uneven;
  spec.heads = spec.kv_heads = spec.hidden_size / spec.head_dim;
  return spec;
}

/// A rank that the config leaves out: its authors' rule.
int64_t rank(const ConfigJson& config, std::string_view key, double exponent, double factor) {
  const double wanted = std::pow(double(config.size("hidden_size")), exponent) * factor;
  return config.size(key, std::max<int64_t>(1, std::llround(wanted / 32)) * 32);
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  if (config.has("attn")) throw config.error("attn", "layers of attention", "none: hybrids are not supported");
  if (const std::string act = config.string("hidden_act", "sqrelu"); act != "sqrelu")
    throw config.error("hidden_act", act, "sqrelu");
  for (std::string_view key : {"norm_first", "norm_bias"})
    if (!config.boolean(key, true)) throw config.error(key, "false", "true: nothing else is supported in this family");
  if (config.boolean("tie_word_embeddings", false))
    throw config.error("tie_word_embeddings", "true", "false: nothing else is supported in this family");
  DecoderSpec spec;
  spec.vocab_size = config.size("vocab_size");
  spec.hidden_size = config.size("hidden_size");
  spec.layers = config.size("num_hidden_layers");
  spec.intermediate_size = config.size("intermediate_size", 4 * spec.hidden_size);
  spec.head_dim = config.size("head_dim", 64);
  spec.context_length = config.size("max_position_embeddings", rwkv::kContext);
  spec.norm_eps = config.number("norm_eps", kNormEps);
  spec.rwkv = {.decay_rank = rank(config, "decay_low_rank_dim", 0.5, 1.8),
               .rate_rank = rank(config, "a_low_rank_dim", 0.5, 1.8),
               .value_rank = rank(config, "v_low_rank_dim", 0.5, 1.3),
               .gate_rank = rank(config, "gate_low_rank_dim", 0.8, 0.6),
               .head_norm_eps = double(spec.head_dim) * spec.norm_eps};
  return sized(std::move(spec), config.error("head_dim", std::to_string(spec.head_dim),
                                             fmt::format("a divisor of {}", spec.hidden_size)));
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  const TensorView* embedding = config.file().find("token_embd.weight");
  DecoderSpec spec;
  spec.vocab_size = embedding ? embedding->rows() : config.size("vocab_size");
  spec.hidden_size = config.size("embedding_length");
  spec.layers = config.size("block_count");
  spec.intermediate_size = config.size("feed_forward_length");
  spec.head_dim = config.size("wkv.head_size");
  spec.context_length = config.size("context_length", rwkv::kContext);
  spec.norm_eps = config.positive("attention.layer_norm_epsilon", kNormEps);
  spec.rwkv = {.decay_rank = config.size("attention.decay_lora_rank"),
               .rate_rank = config.size("attention.iclr_lora_rank"),
               .value_rank = spec.layers > 1 ? config.size("attention.value_residual_mix_lora_rank") : 0,
               .gate_rank = config.size("attention.gate_lora_rank")};
  if (const int64_t shifts = config.integer("token_shift_count", 2); shifts != 2)
    throw config.error("token_shift_count", std::to_string(shifts), "2: nothing else is supported in this family");
  return sized(std::move(spec), config.error("wkv.head_size", std::to_string(spec.head_dim),
                                             fmt::format("a divisor of {}", spec.hidden_size)));
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  if (const double eps = double(spec.head_dim) * spec.norm_eps; std::abs(spec.rwkv.head_norm_eps - eps) > 1e-3 * eps)
    throw Error(
        {.doing = "write a config",
         .where = "the heads' norm",
         .found = fmt::format("an epsilon of {}", spec.rwkv.head_norm_eps),
         .expected = fmt::format("{}: heads of {} times the other norms' {}", eps, spec.head_dim, spec.norm_eps),
         .advice = "the hub's RWKV-7 has no other"});
  write_sizes(spec, config);
  for (const char* name : {"num_attention_heads", "num_key_value_heads"}) config.erase(name);
  config["head_dim"] = spec.head_dim;
  config["num_heads"] = spec.heads;
  config["norm_eps"] = shortest(spec.norm_eps);
  config["hidden_act"] = "sqrelu";
  config["decay_low_rank_dim"] = spec.rwkv.decay_rank;
  config["a_low_rank_dim"] = spec.rwkv.rate_rank;
  config["v_low_rank_dim"] = spec.rwkv.value_rank;
  config["gate_low_rank_dim"] = spec.rwkv.gate_rank;
}

std::vector<int64_t> hub_shape(std::string_view canonical, const DecoderSpec& spec) {
  if (canonical.find(".time_mix.mix_") != canonical.npos) return {1, 1, spec.hidden_size};
  if (canonical.ends_with(".r_k")) return {spec.heads, spec.head_dim};
  return {};
}

DecoderSpec spec_from_original(const OriginalTensors& tensors) {
  DecoderSpec spec =
      rwkv::spec_from_original(tensors, "rwkv7", MixerKind::kRwkv7, tensors.at("blocks.0.att.r_k", 2).shape[0]);
  // Of a matrix [hidden, rank] or [rank, hidden], the second has the same rank.
  const auto rank = [&](std::string_view first) { return tensors.at(first, 2).elements() / spec.hidden_size; };
  spec.rwkv = {.decay_rank = rank("blocks.0.att.w1"),
               .rate_rank = rank("blocks.0.att.a1"),
               .value_rank = spec.layers > 1 ? rank("blocks.1.att.v1") : 0,
               .gate_rank = rank("blocks.0.att.g1")};
  return spec;
}

/// The first layer's values are the residual; some files have maps for it all the same.
bool ignorable(std::string_view name, const DecoderSpec&) {
  static constexpr std::string_view kNames[] = {"blocks.0.att.v0",          "blocks.0.att.v1",
                                                "blocks.0.att.v2",          "blk.0.time_mix_v0.weight",
                                                "blk.0.time_mix_v1.weight", "blk.0.time_mix_v2.weight"};
  return std::ranges::count(kNames, name) > 0 || name.starts_with("model.layers.0.attn.v_lora.");
}

}  // namespace

Family rwkv7_family() {
  return {
      .name = "rwkv7",
      .gguf_architectures = {"rwkv7"},
      .model_types = {"rwkv7"},
      .hub_architectures = {"RWKV7ForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = kTensors,
      .ignorable = ignorable,
      .split = rwkv::split,
      .hub_shape = hub_shape,
      .gguf_stand_ins = {{"blk.0.time_mix_v0.weight", "blk.0.time_mix_a0.weight"},
                         {"blk.0.time_mix_v1.weight", "blk.0.time_mix_a1.weight"},
                         {"blk.0.time_mix_v2.weight", "blk.0.time_mix_a2.weight"}},
      .original_mark = "blocks.0.att.r_k",
      .spec_from_original = spec_from_original,
  };
}

}  // namespace orrery::text
