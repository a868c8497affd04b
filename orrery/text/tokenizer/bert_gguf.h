// BERT's WordPiece vocabulary as GGUF has it (ggml-org/llama.cpp, conversion/bert.py): a piece that begins a word is
// marked with U+2581, one that goes on with it ("##ing") is bare.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/pipeline.h"

namespace orrery::text {

/// `is_added`, per token: markup, which no word matches.
PipelineTokenizer::Parts build_bert(std::span<const std::string_view> tokens, const std::vector<bool>& is_added,
                                    TokenId unk, const BertNorm& norm);

}  // namespace orrery::text
