#include "orrery/text/meta_params.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/text/decoder_spec.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {
using Json = nlohmann::json;

void refuse_unknown_keys(const ConfigJson& params) {
  if (params.string("model_type", "").starts_with("llama-adapter")) return;
  static constexpr std::string_view kKnown[] = {
      "dim",
      "n_layers",
      "n_heads",
      "n_kv_heads",
      "vocab_size",
      "multiple_of",
      "ffn_dim_multiplier",
      "norm_eps",
      "rope_theta",
      "max_seq_len",
      "head_dim",
      "max_batch_size",
      "hidden_dim",
      "use_scaled_rope",
      "model_type",
      "rope_freq_base",
      "torch_dtype",
  };
  for (const std::string& key : params.keys())
    if (params.has(key) && std::ranges::count(kKnown, key) == 0)
      throw params.error(key, "an option that is not supported", fmt::format("only {}", fmt::join(kKnown, ", ")));
}

/// Code Llama changed the rotary base, Llama 3 once more; Llama 1 and 2 differ in norm_eps alone
/// (ggml-org/llama.cpp's converter tells them apart so).
int64_t context_of(const ConfigJson& params, double theta) {
  if (params.has("max_seq_len")) return params.size("max_seq_len");
  if (params.boolean("use_scaled_rope", false)) return 131072;
  if (theta == 5e5) return 8192;
  if (theta == 1e6) return 16384;
  return params.number("norm_eps", 1e-5) == 1e-5 ? 4096 : 2048;
}

int64_t vocabulary_of(const ConfigJson& params, const MetaShapes& shapes) {
  const int64_t stated = params.has("vocab_size") ? params.integer("vocab_size") : -1;
  if (stated > 0) return params.size("vocab_size");
  if (stated != -1) throw params.error("vocab_size", std::to_string(stated), "a size, or -1 for the embedding's");
  if (shapes.vocab_size == 0) throw params.error("vocab_size", "-1, and no tok_embeddings.weight", "a size");
  return shapes.vocab_size;
}

int64_t inner_of(const ConfigJson& params, const MetaShapes& shapes) {
  const int64_t width = params.has("hidden_dim") ? params.size("hidden_dim") : meta_ffn_width(params);
  if (shapes.inner != 0 && shapes.inner != width)
    throw params.error(params.has("hidden_dim") ? "hidden_dim" : "multiple_of",
                       fmt::format("a feed-forward width of {}", width),
                       fmt::format("the {} rows of layers.0.feed_forward.w1.weight", shapes.inner));
  return width;
}

}  // namespace

int64_t meta_ffn_width(const ConfigJson& params) {
  const double multiplier = params.number("ffn_dim_multiplier", 1.0);
  if (!(multiplier > 0 && multiplier < 1000))
    throw params.error("ffn_dim_multiplier", fmt::format("{}", multiplier), "a positive number");
  const int64_t step = params.size("multiple_of", 256);
  const auto width = int64_t(multiplier * double(2 * (4 * params.size("dim")) / 3));
  return (width + step - 1) / step * step;
}

DecoderSpec spec_from_meta(const ConfigJson& params, const MetaShapes& shapes) {
  refuse_unknown_keys(params);
  const double theta = params.number("rope_theta", 10000.0);
  Json config = {
      {"model_type", "llama"},
      {"vocab_size", vocabulary_of(params, shapes)},
      {"hidden_size", params.size("dim")},
      {"intermediate_size", inner_of(params, shapes)},
      {"num_hidden_layers", params.size("n_layers")},
      {"num_attention_heads", params.size("n_heads")},
      {"num_key_value_heads", params.size("n_kv_heads", params.size("n_heads"))},
      {"max_position_embeddings", context_of(params, theta)},
      {"rms_norm_eps", params.number("norm_eps", 1e-5)},
      {"rope_theta", theta},
      {"tie_word_embeddings", shapes.tied},
  };
  if (params.has("head_dim")) config["head_dim"] = params.size("head_dim");
  if (params.boolean("use_scaled_rope", false))
    config["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", shapes.tied ? 32.0 : 8.0},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0},
                              {"original_max_position_embeddings", 8192}};
  DecoderSpec spec = family_named("llama").spec_from_hub(ConfigJson(config, params.where()));
  spec.rope.layout = RopeLayout::kInterleaved;
  return spec;
}

}  // namespace orrery::text
