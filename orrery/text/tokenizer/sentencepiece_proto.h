// tokenizer.model: what SentencePiece's ModelProto says (google/sentencepiece, src/sentencepiece_model.proto).
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/tokenizer/sentencepiece_build.h"

namespace orrery::text {

struct SentencePieceModel {
  SentencePieceParts parts;  ///< pieces point into the bytes that were read
  std::string bos = "<s>", eos = "</s>", pad = "<pad>";
};

/// `name` is for messages. Throws Error where the bytes are no ModelProto, have no pieces or an empty one, or are a
/// word or character model.
SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& name);

}  // namespace orrery::text
