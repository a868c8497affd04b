// LLaMA (Touvron et al. 2023) and all that is built like it: Llama 2 and 3, SmolLM, TinyLlama, Vicuna …
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family llama_family();

/// What llama's configs say, for the families that are built from its parts: sizes, labels, context, norm_eps,
/// activation, tied head, rotary embedding; in GGUF also which biases there are.
void read_llama(const ConfigJson& config, DecoderSpec& spec);
void read_llama(const GgufConfig& config, DecoderSpec& spec);

/// The same, written.
void describe_llama(const DecoderSpec& spec, nlohmann::json& config);

/// Llama's table, and what its files hold beside weights: rotary frequencies (Llama 2's hub files, llama2.c's), and a
/// head that is stored although it is tied (the embedding rules).
std::span<const TensorRow> llama_tensors();
bool ignorable_in_llama(std::string_view name, const DecoderSpec& spec);

}  // namespace orrery::text
