// What a model's authors recommend to sample with, where its files say so.
#pragma once

#include <filesystem>

#include "orrery/text/sampling/sampler.h"

namespace orrery::formats {
class GgufFile;
}

namespace orrery::text {

/// The defaults, with what the file says in their place: general.sampling.temp, top_k, top_p, min_p, penalty_repeat,
/// penalty_last_n, mirostat, mirostat_tau, mirostat_eta (ggml-org/ggml, docs/gguf.md). A value of another type or
/// without meaning counts as absent, for a model is none the worse for it.
SamplingOptions recommended_by_gguf(const formats::GgufFile& file);

/// The same from a hub folder's generation_config.json: temperature, top_k, top_p, min_p, typical_p,
/// repetition_penalty (which there looks back at all tokens). `do_sample` is not read: what is recommended holds for
/// those who sample. Throws Error where the file is no JSON object.
SamplingOptions recommended_by_hub(const std::filesystem::path& folder);

}  // namespace orrery::text
