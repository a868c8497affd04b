// Pre-norm LayerNorm, the Hyena operator, a GELU MLP, tied embeddings. Tensor names: HazyResearch/safari,
// ConvLMHeadModel (src/models/sequence/long_conv_lm.py). config.json: {"model_type": "hyena", "model_config": that of
// safari's configs/evals/*.yaml}. Golden: text/hyena.
#include "orrery/text/families/hyena.h"

#include <fmt/format.h>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"

namespace orrery::text {

namespace {

using Spec = DecoderSpec;
constexpr auto one = [](const Spec&) -> int64_t { return 1; };
constexpr auto vocab = [](const Spec& s) { return s.vocab_size; };
constexpr auto hidden = [](const Spec& s) { return s.hidden_size; };
constexpr auto inner = [](const Spec& s) { return s.intermediate_size; };
constexpr auto positions = [](const Spec& s) { return s.context_length; };
constexpr auto inputs = [](const Spec& s) { return (s.hyena.order + 1) * s.hidden_size; };
constexpr auto channels = [](const Spec& s) { return (s.hyena.order - 1) * s.hidden_size; };
constexpr auto taps = [](const Spec& s) { return s.hyena.short_filter_order; };
constexpr auto features = [](const Spec& s) { return s.hyena.emb_dim; };
constexpr auto width = [](const Spec& s) { return s.hyena.filter_order; };
constexpr auto modulated = [](const Spec& s) { return s.hyena.modulate; };

// Linear layer i of the filter's network: the first, the inner ones, and the last, which has no bias.
constexpr int64_t kMostInnerLayers = 3;
template <int64_t i>
constexpr auto outputs = [](const Spec& s) { return i > s.hyena.inner_layers ? channels(s) : width(s); };
template <int64_t i>
constexpr auto has_weight = [](const Spec& s) { return i <= s.hyena.inner_layers + 1; };
template <int64_t i>
constexpr auto has_bias = [](const Spec& s) { return i <= s.hyena.inner_layers; };

// clang-format off
const TensorRow kTensors[] = {
    {"model.embed_tokens.weight", "", "", {vocab, hidden}, nullptr, "backbone.embeddings.word_embeddings.weight"},
    {"model.layers.{}.input_layernorm.weight", "", "", {hidden}, nullptr, "backbone.layers.{}.norm1.weight"},
    {"model.layers.{}.input_layernorm.bias", "", "", {hidden}, nullptr, "backbone.layers.{}.norm1.bias"},
    {"model.layers.{}.mixer.in_proj.weight", "", "", {inputs, hidden}, nullptr, "backbone.layers.{}.mixer.in_proj.weight"},
    {"model.layers.{}.mixer.in_proj.bias", "", "", {inputs}, nullptr, "backbone.layers.{}.mixer.in_proj.bias"},
    {"model.layers.{}.mixer.out_proj.weight", "", "", {hidden, hidden}, nullptr, "backbone.layers.{}.mixer.out_proj.weight"},
    {"model.layers.{}.mixer.out_proj.bias", "", "", {hidden}, nullptr, "backbone.layers.{}.mixer.out_proj.bias"},
    {"model.layers.{}.mixer.short_filter.weight", "", "", {inputs, one, taps}, nullptr, "backbone.layers.{}.mixer.short_filter.weight"},
    {"model.layers.{}.mixer.short_filter.bias", "", "", {inputs}, nullptr, "backbone.layers.{}.mixer.short_filter.bias"},
    {"model.layers.{}.mixer.filter_fn.bias", "", "", {channels}, nullptr, "backbone.layers.{}.mixer.filter_fn.bias"},
    {"model.layers.{}.mixer.filter_fn.pos_emb.z", "", "", {one, positions, features}, nullptr, "backbone.layers.{}.mixer.filter_fn.pos_emb.z"},
    {"model.layers.{}.mixer.filter_fn.pos_emb.t", "", "", {one, positions, one}, modulated, "backbone.layers.{}.mixer.filter_fn.pos_emb.t"},
    {"model.layers.{}.mixer.filter_fn.modulation.deltas", "", "", {one, one, channels}, modulated, "backbone.layers.{}.mixer.filter_fn.modulation.deltas"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.0.weight", "", "", {width, features}, nullptr, "backbone.layers.{}.mixer.filter_fn.implicit_filter.0.weight"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.0.bias", "", "", {width}, nullptr, "backbone.layers.{}.mixer.filter_fn.implicit_filter.0.bias"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.1.freq", "", "", {one, width}, nullptr, "backbone.layers.{}.mixer.filter_fn.implicit_filter.1.freq"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.2.weight", "", "", {outputs<1>, width}, nullptr, "backbone.layers.{}.mixer.filter_fn.implicit_filter.2.weight"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.2.bias", "", "", {width}, has_bias<1>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.2.bias"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.4.weight", "", "", {outputs<2>, width}, has_weight<2>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.4.weight"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.4.bias", "", "", {width}, has_bias<2>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.4.bias"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.6.weight", "", "", {outputs<3>, width}, has_weight<3>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.6.weight"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.6.bias", "", "", {width}, has_bias<3>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.6.bias"},
    {"model.layers.{}.mixer.filter_fn.implicit_filter.8.weight", "", "", {outputs<4>, width}, has_weight<4>, "backbone.layers.{}.mixer.filter_fn.implicit_filter.8.weight"},
    {"model.layers.{}.post_attention_layernorm.weight", "", "", {hidden}, nullptr, "backbone.layers.{}.norm2.weight"},
    {"model.layers.{}.post_attention_layernorm.bias", "", "", {hidden}, nullptr, "backbone.layers.{}.norm2.bias"},
    {"model.layers.{}.mlp.up_proj.weight", "", "", {inner, hidden}, nullptr, "backbone.layers.{}.mlp.fc1.weight"},
    {"model.layers.{}.mlp.up_proj.bias", "", "", {inner}, nullptr, "backbone.layers.{}.mlp.fc1.bias"},
    {"model.layers.{}.mlp.down_proj.weight", "", "", {hidden, inner}, nullptr, "backbone.layers.{}.mlp.fc2.weight"},
    {"model.layers.{}.mlp.down_proj.bias", "", "", {hidden}, nullptr, "backbone.layers.{}.mlp.fc2.bias"},
    {"model.norm.weight", "", "", {hidden}, nullptr, "backbone.ln_f.weight"},
    {"model.norm.bias", "", "", {hidden}, nullptr, "backbone.ln_f.bias"},
};
// clang-format on

/// Options that change the numbers and that this family's code does not compute.
void refuse_unsupported(const ConfigJson& config, const ConfigJson& layer) {
  if (const std::string name = layer.string("_name_", "none"); name != "hyena")
    throw layer.error("_name_", name, "hyena: no other layer of safari's is supported");
  if (config.has("attn_layer_idx"))
    throw config.error("attn_layer_idx", "layers of attention, which this family has not", "none, or null");
  if (const int64_t value = config.integer("max_position_embeddings", 0); value != 0)
    throw config.error("max_position_embeddings", std::to_string(value), "0: nothing else is supported in this family");
  for (const char* key : {"num_heads", "inner_factor", "num_blocks"})
    if (const int64_t value = layer.integer(key, 1); value != 1)
      throw layer.error(key, std::to_string(value), "1: nothing else is supported in this family");
  for (const char* key : {"outer_mixing", "post_order_ffn", "normalized", "linear_mixer"})
    if (layer.boolean(key, false)) throw layer.error(key, "true", "false: nothing else is supported in this family");
  if (!layer.boolean("bias", true))
    throw layer.error("bias", "false", "true: nothing else is supported in this family");
  for (const auto& [key, known] : {std::pair("activation", "id"), std::pair("filter_cls", "hyena-filter")})
    if (const std::string value = layer.string(key, known); value != known)
      throw layer.error(key, value, fmt::format("{}: nothing else is supported in this family", known));
}

HyenaSpec operator_from(const ConfigJson& layer) {
  HyenaSpec spec;
  spec.order = layer.size("order", 2);
  if (spec.order < 2) throw layer.error("order", "1", "2 or more");
  spec.short_filter_order = layer.size("short_filter_order", 3);  // what its configs call local_order is not read
  spec.emb_dim = layer.size("emb_dim", 3);
  spec.filter_order = layer.size("filter_order", 64);
  spec.inner_layers = layer.integer("num_inner_mlps", 2);
  if (spec.inner_layers < 0 || spec.inner_layers > kMostInnerLayers)
    throw layer.error("num_inner_mlps", std::to_string(spec.inner_layers), fmt::format("0 to {}", kMostInnerLayers));
  spec.modulate = layer.boolean("modulate", true);
  spec.shift = layer.number("shift", 0);
  return spec;
}

DecoderSpec spec_from_hub(const ConfigJson& file) {
  const ConfigJson config = file.object("model_config"), layer = config.object("layer");
  refuse_unsupported(config, layer);
  DecoderSpec spec;
  spec.family = "hyena";
  spec.mixer = MixerKind::kHyena;
  spec.hyena = operator_from(layer);
  spec.hidden_size = config.size("d_model");
  spec.intermediate_size = config.size("d_inner", 4 * spec.hidden_size);
  spec.layers = config.size("n_layer");
  const int64_t multiple = config.size("pad_vocab_size_multiple", 1);
  spec.vocab_size = (config.size("vocab_size") + multiple - 1) / multiple * multiple;
  spec.context_length = layer.size("l_max");
  spec.norm = NormKind::kLayer;
  spec.norm_eps = config.number("layer_norm_epsilon", 1e-5);
  spec.activation = Activation::kGeluTanh;
  spec.gated_mlp = false;
  spec.mlp_bias = true;
  spec.tied_embeddings = true;
  return spec;
}

/// One sine serves the whole network and is stored with each of its layers, the tied head beside the embedding; the
/// window's buffers are there whether it is used or not. What Lightning keeps beside a model begins otherwise.
bool ignorable(std::string_view name, const DecoderSpec& spec) {
  return name == "lm_head.weight" || name.ends_with(".freq") ||
         (!spec.hyena.modulate && (name.ends_with(".pos_emb.t") || name.ends_with(".modulation.deltas"))) ||
         name.starts_with("optimizer_states.") || name.starts_with("callbacks.");
}

/// Lightning's checkpoints: {"state_dict": {"model.backbone…": …}}.
std::vector<TensorView> without_prefix(const TensorView& tensor, const DecoderSpec&) {
  std::string_view name = tensor.name;
  for (const std::string_view prefix : {"state_dict.", "model."})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (name.size() == tensor.name.size()) return {};
  TensorView view = tensor;
  view.name = name;
  return {std::move(view)};
}

}  // namespace

Family hyena_family() {
  return {
      .name = "hyena",
      .gguf_architectures = {},
      .model_types = {"hyena"},
      .hub_architectures = {},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = nullptr,
      .tensors = kTensors,
      .ignorable = ignorable,
      .split = without_prefix,
  };
}

}  // namespace orrery::text
