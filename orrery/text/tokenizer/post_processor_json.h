// tokenizer.json's "post_processor": what stands around a text.
#pragma once

#include <vector>

#include "orrery/text/tokenizer/json_view.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

struct SurroundingTokens {
  std::vector<TokenId> before, after;
};

/// TemplateProcessing (its "single" template), BertProcessing, RobertaProcessing, ByteLevel (which adds nothing),
/// Sequence. Ids must be below `size`. Throws Error naming a type that is not known.
SurroundingTokens post_processor_from_json(const JsonView& json, int64_t size, int depth = 0);

}  // namespace orrery::text
