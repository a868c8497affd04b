// Prompt look-up decoding (Saxena 2023): what followed the last time is guessed to follow again.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Appends up to `most` tokens: those that came after the latest earlier place where the last three tokens stand (the
/// last two, where three stand nowhere). Nothing where there is no such place. O(tokens).
void draft_by_lookup(std::vector<TokenId>& tokens, int64_t most);

}  // namespace orrery::text
