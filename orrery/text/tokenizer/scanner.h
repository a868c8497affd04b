// Hand-written pre-tokenizers for the regular expressions that most models share: one pass, no backtracking past a
// word.
#pragma once

#include <cstddef>
#include <string_view>

#include "orrery/text/tokenizer/function_ref.h"

namespace orrery::text {

/// Cuts a text into words, which cover it without gaps, in order. O(text). `text` must be UTF-8.
using Scanner = void (*)(std::string_view text, FunctionRef<void(std::string_view word)> sink);

/// The scanner that cuts as `pattern` does with "Isolated" (matches and what lies between them are words); nullptr when
/// none does. Known are the expressions of GPT-2, cl100k (Llama 3), Qwen 2 and 3.5, o200k (GPT-4o), Tekken, DeepSeek 3
/// and their variants, the digit groups that count from the right, and single classes of characters.
Scanner find_scanner(std::string_view pattern);

/// GPT-2's expression, which the ByteLevel pre-tokenizer implies.
void scan_gpt2(std::string_view text, FunctionRef<void(std::string_view word)> sink);

/// "\p{N}": every number on its own.
Scanner scanner_of_each_number();

/// One pass that cuts as `second` does the words of `first`; nullptr where there is none. SmolLM's, StarCoder's and
/// Command R's: numbers on their own, then GPT-2's expression.
Scanner find_scanner_of_both(Scanner first, Scanner second);

}  // namespace orrery::text
