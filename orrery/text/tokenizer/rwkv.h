// RWKV's "world" tokenizer (BlinkDL/ChatRWKV, tokenizer/rwkv_tokenizer.py): the longest token first, from left to
// right, over bytes.
#pragma once

#include <span>
#include <string_view>

#include "orrery/text/tokenizer/pipeline.h"

namespace orrery::text {

/// Tokens as GGUF has them: bytes escaped as in a Python literal (\n, \\, \x1f).
PipelineTokenizer::Parts build_rwkv(std::span<const std::string_view> tokens);

}  // namespace orrery::text
