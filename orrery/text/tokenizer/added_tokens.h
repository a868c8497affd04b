// Tokens that are found in a text before anything else is done to it: "<|im_start|>" and kin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/byte_trie.h"
#include "orrery/text/tokenizer/function_ref.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// huggingface/tokenizers, AddedToken: the names are its own.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;      ///< markup: not read out of plain text, not shown
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< takes the white space before it
  bool rstrip = false;       ///< takes the white space after it
  bool normalized = false;   ///< looked for in the normalised text
};

/// A set of added tokens. Immutable once built; safe from many threads.
class AddedTokens {
 public:
  void add(AddedToken token);
  bool empty() const { return tokens_.empty(); }

  /// Cuts the text at the tokens, the leftmost and longest first: `on_text(begin, end)` for what lies between (never
  /// empty) and `on_token(id)`, in order. Special tokens stay text unless `parse_special`. O(text · longest token).
  void split(std::string_view text, bool parse_special, FunctionRef<void(size_t begin, size_t end)> on_text,
             FunctionRef<void(TokenId)> on_token) const;

 private:
  size_t find_first_byte(std::string_view text, size_t from) const;

  std::vector<AddedToken> tokens_;
  ByteTrie trie_;  // values are places in tokens_
  bool starts_[256] = {};
  std::string first_bytes_;
};

}  // namespace orrery::text
