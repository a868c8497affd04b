// New LoRA (Hu et al. 2021) and DoRA adapters (Liu et al. 2024), to be trained, and written as PEFT writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "orrery/text/adapters/adapter.h"

namespace orrery::text {

class Checkpoint;

/// Names as in TRL's ModelConfig; what they mean is PEFT's LoraConfig.
struct LoraOptions {
  int64_t lora_r = 16;
  double lora_alpha = 32;
  std::vector<std::string> lora_target_modules = {"all-linear"};   ///< names that modules end with
  std::vector<std::string> lora_rank_pattern, lora_alpha_pattern;  ///< "NAME=NUMBER": another rank or alpha for some
  bool use_rslora = false;                                         ///< the scale is alpha/√r (Kalajdzievski 2023)
  bool use_dora = false;                                           ///< lengths of rows learn apart (Liu et al. 2024)
  double lora_dropout = 0;  ///< how probable it is that a value is left out of the pair's input while it learns
};

/// adapter_config.json. Throws Error naming the option that says no rank, pattern or probability.
nlohmann::json peft_config(const LoraOptions& options, const std::string& base_model, const DecoderSpec& base);

/// An adapter for `base`, bound to its spec, that changes nothing yet: A uniform within ±1/√inputs, B zero, with
/// use_dora the lengths of W's rows as magnitudes. Throws Error where the config names no linear layer of the model.
Adapter new_lora(const nlohmann::json& config, const Checkpoint& base, uint64_t seed);

/// Writes adapter_config.json and adapter_model.safetensors into a new folder, wholly or not at all. `values`: float32
/// under canonical names (MODULE.lora_A.weight, MODULE.lora_B.weight, MODULE.lora_magnitude_vector, rows in the base's
/// order).
void write_peft(const std::filesystem::path& folder, const nlohmann::json& config, const DecoderSpec& base,
                const std::map<std::string, TensorView>& values);

}  // namespace orrery::text
