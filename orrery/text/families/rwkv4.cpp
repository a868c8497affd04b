// Linear attention with a decay per channel. Tensor names: huggingface/transformers, RwkvForCausalLM; BlinkDL/RWKV-LM,
// RWKV-v4neo. Golden: text/rwkv4*.
#include "orrery/text/families/rwkv4.h"

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
    {"model.layers.{}.time_mix.decay", "", "blocks.{}.att.time_decay", {mixed}, nullptr, "rwkv.blocks.{}.attention.time_decay"},
    {"model.layers.{}.time_mix.bonus", "", "blocks.{}.att.time_first", {mixed}, nullptr, "rwkv.blocks.{}.attention.time_first"},
    {"model.layers.{}.time_mix.receptance.weight", "", "blocks.{}.att.receptance.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.receptance.weight"},
    {"model.layers.{}.time_mix.key.weight", "", "blocks.{}.att.key.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.key.weight"},
    {"model.layers.{}.time_mix.value.weight", "", "blocks.{}.att.value.weight", {mixed, hidden}, nullptr, "rwkv.blocks.{}.attention.value.weight"},
    {"model.layers.{}.time_mix.output.weight", "", "blocks.{}.att.output.weight", {hidden, mixed}, nullptr, "rwkv.blocks.{}.attention.output.weight"},
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

DecoderSpec spec_from_hub(const ConfigJson& config) {
  DecoderSpec spec = rwkv::spec_from_hub(config, "rwkv4", MixerKind::kRwkv4, 1);
  spec.intermediate_size = config.size("intermediate_size", 4 * spec.hidden_size);
  return spec;
}

DecoderSpec spec_from_original(const OriginalTensors& tensors) {
  return rwkv::spec_from_original(tensors, "rwkv4", MixerKind::kRwkv4, tensors.at("blocks.0.att.key.weight", 2).rows());
}

}  // namespace

Family rwkv4_family() {
  return {
      .name = "rwkv4",
      .gguf_architectures = {},
      .model_types = {"rwkv"},
      .hub_architectures = {"RwkvForCausalLM"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = nullptr,
      .tensors = kTensors,
      .ignorable = [](std::string_view, const DecoderSpec&) { return false; },
      .split = rwkv::split,
      .original_mark = "blocks.0.att.time_first",
      .spec_from_original = spec_from_original,
  };
}

}  // namespace orrery::text
