// A decoder's settings as GGUF metadata: what families read from it, written.
#pragma once

#include <string>
#include <vector>

#include "orrery/formats/gguf.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// ARCHITECTURE.* for a spec. Windows of some layers are written as a list of which have them; llama.cpp's "llama"
/// reads none.
void add_spec(const DecoderSpec& spec, const std::string& architecture, formats::GgufMetadata& metadata);

/// The divisors of the rotary frequencies that llama.cpp reads from the tensor rope_freqs.weight [rope.dim / 2]; empty
/// where the metadata says it all.
std::vector<float> rope_divisors(const RopeSpec& rope);

}  // namespace orrery::text
