// Llama 3's tokenizer.model: ranks of byte strings as openai/tiktoken has them, and special tokens that the file does
// not list (meta-llama/llama-models, models/llama3/tokenizer.py).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Whether a file begins as such a vocabulary: Base64, a space, the rank 0.
bool is_tiktoken(std::string_view bytes);

struct TiktokenVocabulary {
  std::vector<std::string> words;    ///< bytes, in the order of their ranks, which are their ids
  std::vector<std::string> special;  ///< the names of those that follow
};

/// A line for each token: its bytes in Base64, and its rank, which counts from 0 and is its id; then Llama 3.1's 256
/// special tokens. Texts are cut by Llama 3's expression and begin with <|begin_of_text|>. Throws Error naming the file
/// and the line.
TiktokenVocabulary read_tiktoken(std::string_view text, const std::string& name);
std::unique_ptr<Tokenizer> load_tiktoken(std::string_view text, const std::string& name);

}  // namespace orrery::text
