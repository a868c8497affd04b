// A decoder's settings as GGUF metadata: what families read from it, written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orrery/formats/gguf.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// ARCHITECTURE.* for a spec. Windows of some layers are written as a list of which have them; llama.cpp's "llama"
/// reads none.
void add_spec(const DecoderSpec& spec, const std::string& architecture, formats::GgufMetadata& metadata);

/// The divisors of the rotary frequencies, each [rope.dim / 2], under the names by which llama.cpp reads them:
/// rope_freqs.weight, or rope_factors_long.weight and rope_factors_short.weight. Empty where the metadata says it all.
std::map<std::string, std::vector<float>> rope_divisors(const RopeSpec& rope);

}  // namespace orrery::text
