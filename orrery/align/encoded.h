// What the readers of tokens share: texts as ids, and the Error of a record that has none to learn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::align {

/// A plain text with the tokenizer's BOS, if it adds one, and without its EOS.
std::vector<text::TokenId> encoded(const std::string& text, const text::Tokenizer& tokenizer);
/// The same with an EOS behind it, where the tokenizer knows one and the text does not end with it.
std::vector<text::TokenId> encoded_to_the_end(const std::string& text, const text::Tokenizer& tokenizer);

/// How many tokens both begin with.
size_t common_prefix(const std::vector<text::TokenId>& a, const std::vector<text::TokenId>& b);

[[noreturn]] void refuse_record(int64_t place, std::string found, std::string expected);

}  // namespace orrery::align
