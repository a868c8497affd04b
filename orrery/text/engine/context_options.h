// What the engine's options make of a model.
#pragma once

#include <string_view>

#include "orrery/text/decoder_spec.h"
#include "orrery/text/engine/engine.h"

namespace orrery::text {

/// The spec with the window rule, rotary scaling, Self-Extend or attention sinks that the options ask for, and the
/// context that it reaches: trained context × factor; a factor that is not given is context / trained context. Throws
/// Error naming the option that the model cannot have.
DecoderSpec with_context_options(DecoderSpec spec, const EngineOptions& options);

/// The Error of Engine() for options that the model cannot have, without loading it.
void check_options(const DecoderSpec& spec, const EngineOptions& options);

/// The context where the options give none: the model's, at most 8192 unless more was asked for in another way.
int64_t default_context(const DecoderSpec& spec, const EngineOptions& options);

/// "none", "linear", "ntk", "dynamic", "yarn", "llama3", "longrope", "factors".
std::string_view name(RopeSpec::Scaling scaling);

}  // namespace orrery::text
