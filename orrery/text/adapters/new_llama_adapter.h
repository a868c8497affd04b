// New LLaMA-Adapters (Zhang et al. 2023; Gao et al. 2023, "LLaMA-Adapter V2"), to be trained, and written under the
// authors' names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "orrery/base/names.h"
#include "orrery/text/adapters/adapter.h"

namespace orrery::text {

class Checkpoint;

/// V1: gated prompts. V2: also a scale and a bias of every linear layer, and the norms (sec. 3.1, "Bias Tuning of
/// Linear Layers").
enum class LlamaAdapterVersion { kNone, kV1, kV2 };
inline constexpr Name<LlamaAdapterVersion> kLlamaAdapterNames[] = {
    {LlamaAdapterVersion::kNone, "none"}, {LlamaAdapterVersion::kV1, "v1"}, {LlamaAdapterVersion::kV2, "v2"}};

/// Names and defaults of the authors' fine-tuning of V1.
struct LlamaAdapterOptions {
  LlamaAdapterVersion llama_adapter = LlamaAdapterVersion::kNone;
  int64_t adapter_len = 10;    ///< rows of a layer's prompt; V2 may have 0, as the released 65B does
  int64_t adapter_layer = 30;  ///< how many of the last layers have one; all where the model has fewer
};

/// An adapter for `base`, bound to its spec, that changes nothing yet: prompts from a normal distribution, gates and
/// biases zero, scales one, norms the base's. Throws Error naming the option that is out of its range, and where the
/// authors' names say nothing of such a model.
Adapter new_llama_adapter(const LlamaAdapterOptions& options, const Checkpoint& base, uint64_t seed);

/// Writes adapter.safetensors, float32 under the authors' names, and config.json with adapter_len and adapter_layer
/// into a new folder, wholly or not at all: what open_adapter() reads. `values`: float32 under canonical names
/// (model.layers.N.self_attn.adaption_prompt, …_gate, …_new_gate; MODULE.added_bias and MODULE.input_scale, rows in the
/// base's order; norms). Gates are those that tanh is taken of. Throws Error naming a value that the file has no name
/// for.
void write_llama_adapter(const std::filesystem::path& folder, const DecoderSpec& base,
                         const std::map<std::string, TensorView>& values);

}  // namespace orrery::text
