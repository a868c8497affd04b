// Tensor names: huggingface/transformers, MistralForCausalLM. In GGUF it is "llama", whose window llama.cpp ignores:
// the key attention.sliding_window is ours. Golden: text/mistral.
#include "orrery/text/families/mistral.h"

#include <nlohmann/json.hpp>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/decoder_config.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/llama.h"

namespace orrery::text {

namespace {

DecoderSpec spec_from_hub(const ConfigJson& config) {
  refuse_unsupported(config, {"sliding_window"});
  DecoderSpec spec;
  spec.family = "mistral";
  read_llama(config, spec);
  if (config.has("sliding_window")) spec.windows = read_windows(config, spec.layers, config.size("sliding_window"));
  return spec;
}

bool has_window(const GgufConfig& config) { return config.has("attention.sliding_window"); }

DecoderSpec spec_from_gguf(const GgufConfig& config) {
  DecoderSpec spec;
  spec.family = "mistral";
  read_llama(config, spec);
  spec.windows.assign(spec.layers, config.size("attention.sliding_window"));
  return spec;
}

void describe(const DecoderSpec& spec, nlohmann::json& config) {
  describe_llama(spec, config);
  config["sliding_window"] = nullptr;
  write_windows(spec, config);
}

}  // namespace

Family mistral_family() {
  return {
      .name = "mistral",
      .gguf_architectures = {"llama"},
      .model_types = {"mistral"},
      .hub_architectures = {"MistralForCausalLM", "MistralForSequenceClassification"},
      .spec_from_hub = spec_from_hub,
      .spec_from_gguf = spec_from_gguf,
      .describe = describe,
      .tensors = llama_tensors(),
      .ignorable = ignorable_in_llama,
      .claims_gguf = has_window,
      .gguf_layout = RopeLayout::kInterleaved,
      .gguf_windows = true,
  };
}

}  // namespace orrery::text
