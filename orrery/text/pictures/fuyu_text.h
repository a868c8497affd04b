// The text beside a Fuyu picture, as transformers' FuyuProcessor makes tokens of it.
#pragma once

#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// The text's tokens, without bos. Places in the picture, "<point>x, y</point>" and "<box>top, left, bottom,
/// right</box>" in pixels of the original, become the model's own: an opening token, each number × scale / 2 as one
/// token, a closing token; the text between is encoded piece by piece. Throws Error for a place that is not two or four
/// numbers, or lies where the vocabulary has no number, and for a tokenizer without these tokens (<0x00> to <0x03>).
std::vector<TokenId> fuyu_text_tokens(const Tokenizer& tokenizer, std::string_view text, double scale);

/// The token that is written so. Throws Error where the vocabulary lacks it.
TokenId fuyu_token(const Tokenizer& tokenizer, std::string_view piece);

}  // namespace orrery::text
