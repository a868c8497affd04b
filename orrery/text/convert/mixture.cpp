#include "orrery/text/convert/mixture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {

constexpr Mixture kMixtures[] = {
    {"F32", DType::kF32, 0},      {"F16", DType::kF16, 1},        {"BF16", DType::kBF16, 32},
    {"Q8_0", DType::kQ8_0, 7},    {"Q4_0", DType::kQ4_0, 2},      {"Q4_1", DType::kQ4_1, 3},
    {"Q5_0", DType::kQ5_0, 8},    {"Q5_1", DType::kQ5_1, 9},      {"Q4_K_S", DType::kQ4_K, 14},
    {"Q4_K_M", DType::kQ4_K, 15}, {"Q5_K_S", DType::kQ5_K, 16},   {"Q5_K_M", DType::kQ5_K, 17},
    {"Q6_K", DType::kQ6_K, 18},   {"IQ4_NL", DType::kIQ4_NL, 25},
};

bool contains(std::string_view name, std::string_view part) { return name.find(part) != std::string_view::npos; }

/// Matrices that llama.cpp leaves as they are, whatever the mixture.
bool keeps_its_type(const TensorView& tensor) {
  static constexpr std::string_view kKept[] = {"_norm.weight", "ffn_gate_inp.weight", "position_embd.weight",
                                               "token_types.weight", "ssm_conv1d.weight"};
  const bool matrix = tensor.shape.size() >= 2 && tensor.rows() > 1 && tensor.name.ends_with("weight");
  return !matrix || std::ranges::any_of(kKept, [&](std::string_view part) { return contains(tensor.name, part); });
}

/// RWKV's maps of low rank and mixes, matrices too small to be worth rounding: float32, as llama.cpp's converter has
/// them.
bool is_small_map(const TensorView& tensor) {
  static constexpr std::string_view kSmall[] = {"time_mix_w1.", "time_mix_w2.", "time_mix_a1.", "time_mix_a2.",
                                                "time_mix_v1.", "time_mix_v2.", "time_mix_g1.", "time_mix_g2."};
  return std::ranges::any_of(kSmall, [&](std::string_view part) { return contains(tensor.name, part); });
}

/// N of "blk.N.…"; 0 elsewhere.
int64_t layer_of(std::string_view name) {
  int64_t layer = 0;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

/// The first and last eighth of the layers and every third between: where more bits help most.
bool use_more_bits(int64_t layer, int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

bool fits(const TensorView& tensor, DType type) { return tensor.cols() % info(type).block_elements == 0; }

DType output_type(const Mixture& mixture, const TensorView& tensor) {
  return !fits(tensor, mixture.base) || mixture.base == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K;
}

constexpr int64_t kMixtralExperts = 8;  // whose attention is a small part of the model, and worth more bits

DType attention_value_type(const Mixture& mixture, const MixtureModel& model, int64_t layer) {
  if (model.experts == kMixtralExperts) return DType::kQ8_0;
  const bool medium = mixture.name.ends_with("_M");
  if (medium && use_more_bits(layer, model.layers)) return DType::kQ6_K;
  if (mixture.name == "Q4_K_S" && layer < 4) return DType::kQ5_K;
  if (mixture.name == "IQ4_NL" && model.queries_per_kv_head >= 4) return DType::kQ5_K;
  // Llama 2 70B and its like: few key-value heads make this matrix small, and worth more bits.
  const bool is_70b = model.layers == 80 && model.queries_per_kv_head > 1;
  return is_70b && mixture.base == DType::kQ4_K ? DType::kQ5_K : mixture.base;
}

DType ffn_down_type(const Mixture& mixture, const MixtureModel& model, int64_t layer) {
  const bool medium = mixture.name.ends_with("_M");
  if (medium && use_more_bits(layer, model.layers)) return DType::kQ6_K;
  const bool first_eighth = layer < model.layers / 8;
  if ((mixture.name == "Q4_K_S" || mixture.name == "IQ4_NL") && first_eighth) return DType::kQ5_K;
  return mixture.base;
}

DType attention_output_type(const Mixture& mixture, const MixtureModel& model) {
  const bool more = mixture.base == DType::kQ4_K || mixture.base == DType::kIQ4_NL;
  return model.experts == kMixtralExperts && more ? DType::kQ5_K : mixture.base;
}

DType fused_qkv_type(const Mixture& mixture) {
  if (mixture.name == "Q4_K_M") return DType::kQ5_K;
  if (mixture.name == "Q5_K_M") return DType::kQ6_K;
  return mixture.base;
}

DType wanted_type(const Mixture& mixture, const MixtureModel& model, const TensorView& tensor) {
  const std::string_view name = tensor.name;
  const bool is_output = name == "output.weight" || (name == "token_embd.weight" && !model.has_output);
  if (is_output) return output_type(mixture, tensor);
  if (contains(name, "attn_v.weight")) return attention_value_type(mixture, model, layer_of(name));
  if (contains(name, "attn_k.weight") && model.experts == kMixtralExperts) return DType::kQ8_0;
  if (contains(name, "attn_output.weight")) return attention_output_type(mixture, model);
  if (contains(name, "ffn_down")) return ffn_down_type(mixture, model, layer_of(name));
  if (contains(name, "attn_qkv.weight")) return fused_qkv_type(mixture);
  return mixture.base;
}

DType fallback(DType type) {
  switch (type) {
    case DType::kQ4_K:
      return DType::kQ5_0;
    case DType::kQ5_K:
      return DType::kQ5_1;
    case DType::kQ6_K:
      return DType::kQ8_0;
    default:
      return DType::kF16;
  }
}

}  // namespace

std::span<const Mixture> mixtures() { return kMixtures; }

const Mixture& mixture_named(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  if (upper == "Q4_K" || upper == "Q5_K") upper += "_M";
  const auto found = std::ranges::find(kMixtures, upper, &Mixture::name);
  if (found != std::ranges::end(kMixtures)) return *found;
  std::vector<std::string_view> names;
  for (const Mixture& mixture : kMixtures) names.push_back(mixture.name);
  throw Error({.doing = "quantise a model",
               .where = "type",
               .found = std::string(name),
               .expected = fmt::format("one of: {}", fmt::join(names, ", "))});
}

MixedType mixed_type(const Mixture& mixture, const MixtureModel& model, const TensorView& tensor) {
  if (is_small_map(tensor)) return {DType::kF32, false};
  if (keeps_its_type(tensor)) return {tensor.dtype, false};
  const DType wanted = is_block_type(mixture.base) ? wanted_type(mixture, model, tensor) : mixture.base;
  if (fits(tensor, wanted)) return {wanted, false};
  const DType next = fallback(wanted);
  return {fits(tensor, next) ? next : DType::kF16, true};
}

}  // namespace orrery::text
