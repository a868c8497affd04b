// The bytes of a vocabulary as a trie, laid out so that a walk reads memory forwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

class TokenTrie {
 public:
  /// A byte on a path from the root, in preorder: the nodes below one follow it, up to `end`.
  struct Node {
    uint32_t end;
    TokenId token;   ///< a token whose bytes end here, -1 for none; next_same() has the others
    uint16_t depth;  ///< bytes above this one
    uint8_t byte;
  };

  explicit TokenTrie(const Tokenizer& tokenizer);

  int64_t vocab() const { return int64_t(offset_.size()) - 1; }
  const std::vector<Node>& nodes() const { return nodes_; }  ///< the root, which has no byte, is left out
  int max_depth() const { return max_depth_; }               ///< bytes of the longest token
  /// The next token with the same bytes; -1 for none.
  TokenId next_same(TokenId token) const { return next_same_[token]; }
  /// Empty for tokens that stand for no text.
  std::string_view bytes(TokenId token) const {
    return std::string_view(bytes_).substr(offset_[token], offset_[token + 1] - offset_[token]);
  }
  /// The token that the vocabulary writes so, for texts in angle brackets.
  std::optional<TokenId> find(std::string_view text) const;
  bool is_end_of_generation(TokenId token) const { return ends_[token]; }
  const std::vector<TokenId>& end_of_generation() const { return end_of_generation_; }

 private:
  std::string bytes_;
  std::vector<uint32_t> offset_;  // [vocab + 1]
  std::vector<Node> nodes_;
  std::vector<TokenId> next_same_;
  std::vector<bool> ends_;
  std::vector<TokenId> end_of_generation_;
  std::unordered_map<std::string, TokenId> bracketed_;
  int max_depth_ = 0;
};

}  // namespace orrery::text
