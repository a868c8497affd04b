// Log-probabilities as OpenAI writes them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "orrery/text/sampling/sampler.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::serve {

/// {"content": [{"token", "logprob", "bytes", "top_logprobs": […]}, …], "refusal": null} of an answer's tokens, each
/// with its own first and the likeliest after it.
std::string logprobs_json(std::span<const std::vector<text::TokenLogprob>> tokens, const text::Tokenizer& tokenizer);

}  // namespace orrery::serve
