// A state matrix per head, with a decay per channel. Tensor names: RWKV/rwkv-5-world-*, Rwkv5ForCausalLM;
// BlinkDL/RWKV-LM, RWKV-v5.
#include "orrery/text/families/rwkv5.h"

#include <algorithm>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/rwkv_tensors.h"

namespace orrery::text {

namespace {

using rwkv::hidden, rwkv::inner, rwkv::mixed, rwkv::vocab;

// clang-format off
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "", "emb.weight", {vocab, hidden}, nullptr, "rwkv.embeddings.weight"},
    {"model.embed_norm.weight", "", "blocks.0.ln0.weight", {hidden}, nullptr, "rwkv.blocks.0.pre_ln.weight"},
    {"model.embed_norm.bias", "", "blocks.0.ln0.bias", {hidden}, nullptr, "rwkv.blocks.0.pre_ln.bias"},
    {"model.layers.{}.time_mix_norm.weight", "", "blocks.{}.ln1.weight", {hidden}, nullptr, "rwkv.blocks.{}.ln1.weight"},
    {"model.layers.{}.time_mix_norm.bias", "", "blocks.{}.ln1.bias", {hidden}, nullptr, "rwkv.blocks.{}.ln1.bias"},
    {"model.layers.{}.time_mix.mix_k", "", "blocks.{}.att.time_mix_k", {hidden}, nullptr, "rwkv.blocks.{}.attention.time_mix_key"},
    {"model.layers.{}.time_mix.mix_v", "", "blocks.{}.att.time_mix_v", {hidden}, nullptr, "rwkv.blocks.{}.attention.time_mix_value"},
    {"model.layers.{}.time_mix.mix_r", "", "blocks.{}.att.time_mix_r", {hidden}, nullptr, "rwkv.blocks.{}.attention.time_mix_receptance"},
    {"model.layers.{}.time_mix.mix_g", "", "blocks.{}.att.time_mix_g", {hidden}, nullptr, "rwkv.blocks.{}.attention.time_mix_gate"},
    {"model.layers.{}.time_mix.decay", "", "blocks.{}.att.time_decay", {mixed}, nullptr, "rwkv.blocks.{}.attention.time_decay"},
    {"model.layers.{}.time_mix.bonus", "", "blocks.{}.att.time_faaaa", {mixed}, nullptr, "rwkv.blocks.{}.attention.time_faaaa"},
    {"model.layers.{}.time_mix.receptance.weight", "", "blocks.{}.att.receptance.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.receptance.weight"},
    {"model.layers.{}.time_mix.key.weight", "", "blocks.{}.att.key.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.key.weight"},
    {"model.layers.{}.time_mix.value.weight", "", "blocks.{}.att.value.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.value.weight"},
    {"model.layers.{}.time_mix.gate.weight", "", "blocks.{}.att.gate.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.gate.weight"},
    {"model.layers.{}.time_mix.output.weight", "", "blocks.{}.att.output.weight", {hidden, mixed}, nullptr, "rwkv.blocks.{}.attention.output.weight"},
    {"model.layers.{}.time_mix.head_norm.weight", "", "blocks.{}.att.ln_x.weight", {mixed}, nullptr, "rwkv.blocks.{}.attention.ln_x.weight"},
    {"model.layers.{}.time_mix.head_norm.bias", "", "blocks.{}.att.ln_x.bias", {mixed}, nullptr, "rwkv.blocks.{}.attention.ln_x.bias"},
    {"model.layers.{}.channel_mix_norm.weight", "", "blocks.{}.ln2.weight", {hidden}, nullptr, "rwkv.blocks.{}.ln2.weight"},
    {"model.layers.{}.channel_mix_norm.bias", "", "blocks.{}.ln2.bias", {hidden}, nullptr, "rwkv.blocks.{}.ln2.bias"},
    {"model.layers.{}.channel_mix.mix_k", "", "blocks.{}.ffn.time_mix_k", {hidden}, nullptr, "rwkv.blocks.{}.feed_forward.time_mix_key"},
    {"model.layers.{}.channel_mix.mix_r", "", "blocks.{}.ffn.time_mix_r", {hidden}, nullptr, "rwkv.blocks.{}.feed_forward.time_mix_receptance"},
    {"model.layers.{}.channel_mix.receptance.weight", "", "blocks.{}.ffn.receptance.weight", {hidden, hidden}, nullptr, "rwkv.blocks.{}.feed_forward.receptance.weight"},
    {"model.layers.{}.channel_mix.key.weight", "", "blocks.{}.ffn.key.weight", {inner, hidden}, nullptr, "rwkv.blocks.{}.feed_forward.key.weight"},
    {"model.layers.{}.channel_mix.value.weight", "", "blocks.{}.ffn.value.weight", {hidden, inner}, nullptr, "rwkv.blocks.{}.feed_forward.value.weight"},
    {"model.norm.weight", "", "ln_out.weight", {hidden}, nullptr, "rwkv.ln_out.weight"},
    {"model.norm.bias", "", "ln_out.bias", {hidden}, nullptr, "rwkv.ln_out.bias"},
    {"lm_head.weight", "", "head.weight", {vocab, hidden}, nullptr, "head.weight"},
};
// clang-format on

/// The output is divided by head_size_divisor before it is normalised: the same as a larger eps.
double head_norm_eps(const ConfigJson& config) {
  const double divisor = config.number("head_size_divisor", 8);
  return 1e-5 * divisor * divisor;
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  if (const std::string version = config.string("model_version", "5_2"); version != "5_2")
    throw config.error("model_version", version, "5_2: RWKV-5.0 and 5.1 are not supported");
  DecoderSpec spec = rwkv::spec_from_hub(config, "rwkv5", MixerKind::kRwkv5, config.size("head_size", 64));
  spec.intermediate_size = config.size("intermediate_size", std::max<int64_t>(32, spec.hidden_size * 7 / 2 / 32 * 32));
  spec.rwkv.head_norm_eps = head_norm_eps(config);
  return spec;
}

DecoderSpec spec_from_original(const OriginalTensors& tensors) {
  return rwkv::spec_from_original(tensors, "rwkv5", MixerKind::kRwkv5,
                                  tensors.at("blocks.0.att.time_faaaa", 2).shape[0]);
}

}  // namespace

Family rwkv5_family() {
  return {
      .name = "rwkv5",
      .gguf_architectures = {},
      .model_types = {"rwkv5"},
      .hub_architectures = {"Rwkv5ForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = nullptr,
      .tensors = kTensors,
      .ignorable = [](std::string_view, const DecoderSpec&) { return false; },
      .split = rwkv::split,
      .original_mark = "blocks.0.att.time_mix_g",
      .spec_from_original = spec_from_original,
  };
}

}  // namespace orrery::text
