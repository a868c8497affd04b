// Tensor names: huggingface/transformers, Qwen2ForCausalLM; ggml-org/llama.cpp, LLM_ARCH_QWEN2. Golden: text/qwen2.
#include "orrery/text/families/qwen2.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/llama.h"

namespace orrery::text {

namespace {

/// The window is there in every config and off in almost all; without layer_types it begins at max_window_layers.
std::vector<int64_t> windows_of(const ConfigJson& config, const DecoderSpec& spec) {
  if (!config.boolean("use_sliding_window", false) || !config.has("sliding_window")) return {};
  std::vector<int64_t> windows = read_windows(config, spec.layers, config.size("sliding_window"));
  if (!config.has("layer_types")) {
    const int64_t full = config.integer("max_window_layers", 28);
    for (int64_t i = 0; i < std::min(full, spec.layers); ++i) windows[i] = 0;
    if (full >= spec.layers) windows.clear();
  }
  return windows;
}

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config, {"sliding_window"});
  DecoderSpec spec;
  spec.family = "qwen2";
  read_llama(config, spec);
  spec.qkv_bias = true;
  spec.windows = windows_of(config, spec);
  return spec;
}

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  spec.family = "qwen2";
  read_llama(config, spec);
  spec.qkv_bias = true;
  spec.rope.layout = RopeLayout::kHalf;
  return spec;
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  describe_llama(spec, config);
  write_windows(spec, config);
  config["use_sliding_window"] = config.contains("sliding_window");
}

}  // namespace

Family qwen2_family() {
  return {
      .name = "qwen2",
      .gguf_architectures = {"qwen2"},
      .model_types = {"qwen2"},
      .hub_architectures = {"Qwen2ForCausalLM", "Qwen2ForSequenceClassification"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = llama_tensors(),
      .ignorable = ignorable_in_llama,
  };
}

}  // namespace orrery::text
