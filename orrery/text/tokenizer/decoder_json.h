// tokenizer.json's "decoder".
#pragma once

#include "orrery/text/tokenizer/decoder.h"
#include "orrery/text/tokenizer/json_view.h"

namespace orrery::text {

struct JsonDecoder {
  DecoderPtr steps;  ///< nullptr: the tokens joined by spaces, or, with byte_level alone, their bytes
  TokenBytes per_token;
  bool only_byte_level = false;  ///< the text is the tokens' bytes, repaired
};

/// Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece, BPEDecoder, CTC. `json` may be null.
/// Throws Error naming a type that is not known.
JsonDecoder decoder_from_json(const std::optional<JsonView>& json);

}  // namespace orrery::text
