// The files that adapters come in, one function each; open_adapter() finds out which it is.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "orrery/text/adapters/adapter.h"

namespace orrery::formats {
class GgufFile;
}

namespace orrery::text {

class ConfigJson;

/// LoRA and DoRA as PEFT saves them (huggingface/peft, docs "LoRA", "PEFT checkpoint format"): names are
/// base_model.model.MODULE.lora_A.weight, .lora_B.weight, .lora_magnitude_vector. `config`: adapter_config.json.
Adapter read_peft(const nlohmann::json& config, const std::string& where, std::span<const TensorView> tensors);

/// LoRA as llama.cpp reads it (general.type adapter, adapter.type lora): names are BASE-TENSOR.lora_a.
Adapter read_gguf_adapter(const formats::GgufFile& file, const std::string& where);

/// LLaMA-Adapter V1, V2 and multimodal V2 (OpenGVLab/LLaMA-Adapter). `config`: adapter_len, where something gives it.
Adapter read_llama_adapter(std::span<const TensorView> tensors, const ConfigJson& config, const std::string& where,
                           const AdapterOptions& options);

/// A tensor's values, whatever its type.
std::vector<float> floats_of(const TensorView& tensor);

}  // namespace orrery::text
