#include "orrery/text/convert/gguf_metadata.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "orrery/base/error.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {

namespace {
using formats::GgufValue;

/// llama.cpp computes YaRN's magnitude itself, and multiplies by what a file says beside it.
void add_yarn(const RopeSpec& rope, const std::string& prefix, formats::GgufMetadata& metadata) {
  metadata[prefix + "type"] = GgufValue::string("yarn");
  metadata[prefix + "factor"] = GgufValue::f32(float(rope.factor));
  metadata[prefix + "original_context_length"] = GgufValue::u32(uint32_t(rope.original_context));
  const double beside = rope.attention_factor / yarn_magnitude(rope.factor);
  if (std::abs(beside - 1) > 1e-6) metadata[prefix + "attn_factor"] = GgufValue::f32(float(beside));
  if (rope.beta_fast != 32) metadata[prefix + "yarn_beta_fast"] = GgufValue::f32(float(rope.beta_fast));
  if (rope.beta_slow != 1) metadata[prefix + "yarn_beta_slow"] = GgufValue::f32(float(rope.beta_slow));
}

void add_rope(const RopeSpec& rope, const std::string& prefix, formats::GgufMetadata& metadata) {
  metadata[prefix + "dimension_count"] = GgufValue::u32(uint32_t(rope.dim));
  metadata[prefix + "freq_base"] = GgufValue::f32(float(rope.theta));
  if (rope.scaling == RopeSpec::Scaling::kYarn) add_yarn(rope, prefix + "scaling.", metadata);
  if (rope.scaling == RopeSpec::Scaling::kLinear) {
    metadata[prefix + "scaling.type"] = GgufValue::string("linear");
    metadata[prefix + "scaling.factor"] = GgufValue::f32(float(rope.factor));
  }
  if (rope.scaling == RopeSpec::Scaling::kLongRope) {
    metadata[prefix + "scaling.type"] = GgufValue::string("longrope");
    metadata[prefix + "scaling.original_context_length"] = GgufValue::u32(uint32_t(rope.original_context));
    metadata[prefix + "scaling.attn_factor"] = GgufValue::f32(float(rope.attention_factor));
  }
}

/// One length, and which layers have it where not all do.
void add_windows(const DecoderSpec& spec, const std::string& key, formats::GgufMetadata& metadata) {
  const auto widest = std::ranges::max_element(spec.windows);
  if (widest == spec.windows.end() || *widest == 0) return;
  metadata[key] = GgufValue::u32(uint32_t(*widest));
  std::vector<int64_t> windowed;
  for (int64_t window : spec.windows) windowed.push_back(window > 0);
  if (std::ranges::count(windowed, 0) > 0)
    metadata[key + "_pattern"] = {GgufValue::Type::kArray, GgufValue::Type::kBool, std::move(windowed)};
}

void add_rwkv(const DecoderSpec& spec, const std::string& prefix, formats::GgufMetadata& metadata) {
  const std::pair<const char*, int64_t> sizes[] = {
      {"attention.head_count", 0},  // llama.cpp asks for it, and counts by wkv.head_size
      {"wkv.head_size", spec.head_dim},
      {"attention.decay_lora_rank", spec.rwkv.decay_rank},
      {"attention.iclr_lora_rank", spec.rwkv.rate_rank},
      {"attention.value_residual_mix_lora_rank", spec.rwkv.value_rank},
      {"attention.gate_lora_rank", spec.rwkv.gate_rank}};
  for (const auto& [key, size] : sizes) metadata[prefix + key] = GgufValue::u32(uint32_t(size));
}

}  // namespace

void add_spec(const DecoderSpec& spec, const std::string& architecture, formats::GgufMetadata& metadata) {
  const auto add_size = [&](const std::string& key, int64_t value) {
    metadata[architecture + "." + key] = GgufValue::u32(uint32_t(value));
  };
  add_size("vocab_size", spec.vocab_size);
  add_size("context_length", spec.context_length);
  add_size("embedding_length", spec.hidden_size);
  add_size("block_count", spec.layers);
  add_size("feed_forward_length", spec.intermediate_size);
  const char* eps =
      spec.norm == NormKind::kLayer ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon";
  metadata[architecture + eps] = GgufValue::f32(float(spec.norm_eps));
  if (spec.mixer == MixerKind::kRwkv7) return add_rwkv(spec, architecture + ".", metadata);
  add_size("attention.head_count", spec.heads);
  add_size("attention.head_count_kv", spec.kv_heads);
  add_size("attention.key_length", spec.head_dim);
  add_size("attention.value_length", spec.head_dim);
  if (spec.mixture.experts > 0) {
    add_size("expert_count", spec.mixture.experts);
    add_size("expert_used_count", spec.mixture.active);
  }
  add_rope(spec.rope, architecture + ".rope.", metadata);
  if (spec.local_rope) metadata[architecture + ".rope.freq_base_swa"] = GgufValue::f32(float(spec.local_rope->theta));
  add_windows(spec, architecture + ".attention.sliding_window", metadata);
}

std::map<std::string, std::vector<float>> rope_divisors(const RopeSpec& rope) {
  switch (rope.scaling) {
    case RopeSpec::Scaling::kFactors:
      return {{"rope_freqs.weight", rope.factors}};
    case RopeSpec::Scaling::kLlama3:
      return {{"rope_freqs.weight", llama3_divisors(rope)}};
    case RopeSpec::Scaling::kLongRope:
      return {{"rope_factors_long.weight", rope.factors}, {"rope_factors_short.weight", rope.short_factors}};
    default:
      return {};
  }
}

}  // namespace orrery::text
