#include "orrery/text/families/decoder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/gguf_config.h"

namespace orrery::text {

namespace {

void check_heads(const DecoderSpec& spec, const std::string& where) {
  if (spec.heads % spec.kv_heads != 0)
    throw Error({.doing = "read a model's config",
                 .where = where,
                 .found = fmt::format("{} query heads on {} key-value heads", spec.heads, spec.kv_heads),
                 .expected = "a whole number of query heads for each key-value head"});
}

}  // namespace

void read_sizes(const ConfigJson& config, DecoderSpec& spec) {
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
}

void read_sizes(const GgufConfig& config, DecoderSpec& spec) {
  const formats::GgufFile& file = config.file();
  const TensorView* embedding = file.find("token_embd.weight");
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
  spec.tied_embeddings = file.find("output.weight") == nullptr;
}

void write_sizes(const DecoderSpec& spec, nlohmann::json& config) {
  config["vocab_size"] = spec.vocab_size;
  config["hidden_size"] = spec.hidden_size;
  config["intermediate_size"] = spec.intermediate_size;
  config["num_hidden_layers"] = spec.layers;
  config["num_attention_heads"] = spec.heads;
  config["num_key_value_heads"] = spec.kv_heads;
  config["max_position_embeddings"] = spec.context_length;
  config["tie_word_embeddings"] = spec.tied_embeddings;
  if (spec.head_dim * spec.heads != spec.hidden_size) config["head_dim"] = spec.head_dim;
}

double shortest(double number) { return std::stod(fmt::format("{}", static_cast<float>(number))); }

void read_labels(const ConfigJson& config, DecoderSpec& spec) {
  const std::vector<std::string> architectures = config.strings("architectures");
  if (!std::ranges::any_of(architectures, [](const auto& name) { return name.ends_with("ForSequenceClassification"); }))
    return;
  const auto listed = static_cast<int64_t>(config.object("id2label").keys().size());
  spec.labels = config.size("num_labels", listed > 0 ? listed : 2);
}

void refuse_unsupported(const ConfigJson& config, std::initializer_list<std::string_view> known) {
  for (std::string_view key : {"quantization_config", "sliding_window", "num_local_experts", "attn_logit_softcapping",
                               "final_logit_softcapping", "logit_scale", "residual_multiplier", "embedding_multiplier",
                               "attention_multiplier"})
    if (config.has(key) && std::ranges::count(known, key) == 0)
      throw config.error(key, "an option that is not supported in this family", "none, or null");
  if (config.boolean("rope_interleaved", false))
    throw config.error("rope_interleaved", "true", "false: nothing else is supported in this family");
}

Activation read_activation(const ConfigJson& config, std::string_view key, std::string_view fallback) {
  const std::string name = config.string(key, std::string(fallback));
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::kGeluTanh;
  if (name == "relu2") return Activation::kReluSquared;
  throw config.error(key, name, "one of: silu, gelu, gelu_new, gelu_pytorch_tanh, relu2");
}

std::string_view activation_name(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return "silu";
    case Activation::kGelu:
      return "gelu";
    case Activation::kGeluTanh:
      return "gelu_pytorch_tanh";
    case Activation::kReluSquared:
      break;
  }
  return "relu2";
}

std::vector<int64_t> read_windows(const ConfigJson& config, int64_t layers, int64_t window) {
  const std::vector<std::string> types = config.strings("layer_types");
  if (types.empty()) return std::vector<int64_t>(layers, window);
  if (static_cast<int64_t>(types.size()) != layers)
    throw config.error("layer_types", fmt::format("{} of them", types.size()),
                       fmt::format("one for each of {}", layers));
  std::vector<int64_t> windows;
  for (const std::string& type : types) {
    if (type != "sliding_attention" && type != "full_attention")
      throw config.error("layer_types", type, "sliding_attention or full_attention");
    windows.push_back(type == "sliding_attention" ? window : 0);
  }
  if (std::ranges::count(windows, 0) == layers) windows.clear();
  return windows;
}

void write_windows(const DecoderSpec& spec, nlohmann::json& config) {
  const auto widest = std::ranges::max_element(spec.windows);
  if (widest == spec.windows.end() || *widest == 0) return;
  config["sliding_window"] = *widest;
  if (std::ranges::count(spec.windows, 0) == 0) return;
  for (int64_t window : spec.windows)
    config["layer_types"].push_back(window > 0 ? "sliding_attention" : "full_attention");
}

}  // namespace orrery::text
