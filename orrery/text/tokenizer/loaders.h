// One loader for each form that a tokenizer comes in; Tokenizer::open() and from_gguf() choose.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "orrery/text/tokenizer/hub_config.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// tokenizer.json of huggingface/tokenizers; `name` is for messages. Truncation and padding are left out: they are the
/// caller's.
std::unique_ptr<Tokenizer> load_tokenizer_json(std::string_view text, const std::string& name, const HubConfig& config);

/// SentencePiece's tokenizer.model, a ModelProto (google/sentencepiece, src/sentencepiece_model.proto).
std::unique_ptr<Tokenizer> load_sentencepiece(std::string_view bytes, const std::string& name, const HubConfig& config);

}  // namespace orrery::text
