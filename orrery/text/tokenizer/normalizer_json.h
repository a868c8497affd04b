// tokenizer.json's "normalizer" (huggingface/tokenizers, tokenizers/src/normalizers).
#pragma once

#include "orrery/text/tokenizer/json_view.h"
#include "orrery/text/tokenizer/normalizer.h"

namespace orrery::text {

/// Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, Nmt, Precompiled, BertNormalizer,
/// ByteLevel. Throws Error naming a type that is not known.
NormalizerPtr normalizer_from_json(const JsonView& json);

/// A "pattern" member, {"String": …} or {"Regex": …}, as a regular expression.
std::string pattern_from_json(const JsonView& json);

}  // namespace orrery::text
