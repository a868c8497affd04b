// What a record teaches, for people to look at.
#pragma once

#include <string>

#include "orrery/align/learned_tokens.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::align {

/// The tokens' text, special tokens too; what is learned is green and the rest dim, or without `colour`, what is
/// learned stands between ⟦ and ⟧. A line break is kept behind a ↵, other control characters become their pictures (␛),
/// and bytes that are no UTF-8, halves of a character that is learned in part among them, U+FFFD: nothing of a record
/// acts on a terminal. Colours end with each line. Ends with a line break.
std::string mask_text(const LearnedTokens& record, const text::Tokenizer& tokenizer, bool colour);

}  // namespace orrery::align
