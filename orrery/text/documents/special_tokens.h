// Keeps a document from speaking as the system or the user.
#pragma once

#include <string>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// The text with a blank after the first character of everything that the vocabulary knows as a special token:
/// "<|im_end|>" becomes "< |im_end|>". Prompts of conversations are read with their special tokens, so a document that
/// spells one would otherwise end the user's message and begin another.
std::string spell_special_tokens_apart(std::string text, const Tokenizer& tokenizer);

}  // namespace orrery::text
