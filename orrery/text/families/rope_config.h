// The rotary embedding as configs describe it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

class GgufConfig;
class ConfigJson;

/// YaRN's temperature as a factor of cos and sin (Peng et al. 2023, eq. 22): 0.1 · mscale · ln(factor) + 1.
double yarn_magnitude(double factor, double mscale = 1);

/// LongRoPE's (Ding et al. 2024, sec. 3.3, as Phi-3 has it): sqrt(1 + ln(factor) / ln(original_context)).
double longrope_magnitude(double factor, int64_t original_context);

/// From config.json: `rope_theta` with `rope_scaling` {type or rope_type}, or transformers 5's `rope_parameters`. Knows
/// default, linear (kaiokendev 2023), dynamic (NTK, emozilla 2023), yarn (Peng et al. 2023), llama3 (Llama 3.1's) and
/// longrope (Phi-3's, first called su); throws Error naming any other and any option of theirs that is not known.
/// `rotated`: the share of a head that turns where partial_rotary_factor is not there. Layout kHalf.
RopeSpec rope_from_hub(const ConfigJson& config, int64_t head_dim, int64_t context_length, double rotated = 1.0);
/// From a dictionary as transformers 5 writes it: {rope_type, rope_theta, …}.
RopeSpec rope_from_parameters(const ConfigJson& rope, int64_t head_dim, int64_t context_length, double rotated = 1.0);

/// rope_theta, and rope_scaling in 2023's dialect, as rope_from_hub reads them. Throws Error for divisors of the
/// frequencies (GGUF's rope_freqs.weight) that are not Llama 3's.
void write_rope(const RopeSpec& rope, nlohmann::json& config);

/// The divisors of the frequencies that a scaling of kind kLlama3 means, [dim / 2].
std::vector<float> llama3_divisors(const RopeSpec& rope);

/// From GGUF's ARCH.rope.*, and the tensors of one divisor per frequency where there are some: rope_freqs.weight (how
/// llama.cpp writes Llama 3.1's scaling), rope_factors_long.weight with rope_factors_short.weight (LongRoPE). The
/// layout is the family's to say.
RopeSpec rope_from_gguf(const GgufConfig& config, int64_t head_dim, int64_t context_length);

}  // namespace orrery::text
