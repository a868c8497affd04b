// tokenizer.json's "pre_tokenizer" (huggingface/tokenizers, tokenizers/src/pre_tokenizers).
#pragma once

#include "orrery/text/tokenizer/json_view.h"
#include "orrery/text/tokenizer/pre_tokenizer.h"

namespace orrery::text {

struct JsonPreTokenizer {
  PreTokenizerPtr stages;    ///< nullptr: the text is one word
  bool gives_bytes = false;  ///< a ByteLevel is among the stages: the words are raw bytes, not GPT-2's characters
};

/// `json` may be null. Throws Error naming a type that is not known.
JsonPreTokenizer pre_tokenizer_from_json(const std::optional<JsonView>& json);

}  // namespace orrery::text
