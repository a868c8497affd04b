#include "orrery/text/families/rwkv_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"

namespace orrery::text::rwkv {

namespace {

/// Has an axis per head, and is a vector all the same.
bool is_vector_of_heads(std::string_view name) {
  static constexpr std::string_view kNames[] = {".time_decay", ".time_faaaa", ".r_k", ".time_mix_r_k.weight"};
  return std::ranges::any_of(kNames, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_vector(const TensorView& tensor) {
  const auto wide = std::ranges::count_if(tensor.shape, [](int64_t extent) { return extent != 1; });
  return wide <= 1 || is_vector_of_heads(tensor.name);
}

TensorView flattened(TensorView tensor, std::string name) {
  tensor.name = std::move(name);
  tensor.shape = {tensor.elements()};
  return tensor;
}

constexpr std::string_view kMixes = "rwkvag";  // in this order
constexpr std::string_view kRwkvCppMixes = ".att.x_rwkvag", kGgufMixes = ".time_mix_lerp_fused.weight";

}  // namespace

std::vector<TensorView> split(const TensorView& tensor, const DecoderSpec&) {
  const bool original = tensor.name.ends_with(kRwkvCppMixes), gguf = tensor.name.ends_with(kGgufMixes);
  if ((original || gguf) && tensor.shape.size() > 1 && tensor.shape[0] == int64_t(kMixes.size())) {
    const std::string stem = tensor.name.substr(0, tensor.name.size() - kMixes.size());
    std::vector<TensorView> parts;
    for (size_t i = 0; i < kMixes.size(); ++i)
      parts.push_back(flattened(slice_of(tensor, tensor.name, int64_t(i)),
                                original ? stem + kMixes[i] : slice_name(tensor.name, int64_t(i))));
    return parts;
  }
  if (tensor.shape.size() > 1 && is_vector(tensor)) return {flattened(tensor, tensor.name)};
  return {};
}

DecoderSpec spec_from_original(const OriginalTensors& tensors, std::string_view family, MixerKind mixer,
                               int64_t heads) {
  DecoderSpec spec;
  spec.family = family;
  spec.mixer = mixer;
  spec.norm = NormKind::kLayer;
  spec.vocab_size = tensors.at("emb.weight", 2).rows();
  spec.hidden_size = tensors.at("emb.weight", 2).cols();
  spec.layers = tensors.layers("blocks");
  spec.intermediate_size = tensors.at("blocks.0.ffn.key.weight", 2).rows();
  spec.context_length = kContext;
  const int64_t width = tensors.at("blocks.0.att.key.weight", 2).rows();
  if (heads < 1 || width % heads != 0)
    throw Error({.doing = "open a language model",
                 .where = tensors.where(),
                 .found = fmt::format("{} channels in {} heads", width, heads),
                 .expected = "a whole number of channels in each head"});
  spec.heads = spec.kv_heads = heads;
  spec.head_dim = width / heads;
  return spec;
}

DecoderSpec spec_from_hub(const ConfigJson& config, std::string_view family, MixerKind mixer, int64_t head_size) {
  if (config.boolean("tie_word_embeddings", false))
    throw config.error("tie_word_embeddings", "true", "false: nothing else is supported in this family");
  DecoderSpec spec;
  spec.family = family;
  spec.mixer = mixer;
  spec.norm = NormKind::kLayer;
  spec.vocab_size = config.size("vocab_size");
  spec.hidden_size = config.size("hidden_size");
  spec.layers = config.size("num_hidden_layers");
  spec.context_length = config.size("context_length", kContext);
  spec.norm_eps = config.number("layer_norm_epsilon", 1e-5);
  spec.rwkv.rescale_every = config.integer("rescale_every", 6);
  if (spec.rwkv.rescale_every < 0)
    throw config.error("rescale_every", std::to_string(spec.rwkv.rescale_every), "0 (never) or more");
  const int64_t width = config.size("attention_hidden_size", spec.hidden_size);
  if (width % head_size != 0)
    throw config.error("attention_hidden_size", std::to_string(width),
                       fmt::format("a multiple of the {} channels of a head", head_size));
  spec.heads = spec.kv_heads = width / head_size;
  spec.head_dim = head_size;
  return spec;
}

}  // namespace orrery::text::rwkv
