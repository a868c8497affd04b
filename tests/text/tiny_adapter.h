// Adapters with random values, for tests that need one and not what it was trained for.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orrery/text/adapters/adapter.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

/// Writes a PEFT folder: pairs of rank 4 with values up to 0.2 for these modules ("q_proj") of every layer of a llama
/// of this spec, and for lm_head where it is listed. `changes` are merged into adapter_config.json; with use_dora among
/// them, each pair has magnitudes from 1 to 3.
struct TinyLora {
  std::vector<std::string> modules;
  uint32_t seed = 1;
  nlohmann::json changes = {};
  std::function<void(TinyTensors&)> edit = {};
};
void write_tiny_lora(const std::filesystem::path& folder, const DecoderSpec& spec, const TinyLora& lora);

/// A LLaMA-Adapter V2 in memory, in Meta's names: scales and biases of all linears, norms, and prompts of three tokens
/// for the last two layers.
Adapter tiny_llama_adapter(const DecoderSpec& spec, uint32_t seed);

}  // namespace orrery::text
