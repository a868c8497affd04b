#include "orrery/text/sampling/token_trie.h"

#include <algorithm>
#include <numeric>

#include "orrery/text/sampling/grammar.h"

namespace orrery::text {

namespace {

constexpr size_t kMaxBytes = 4096;  // a longer token is never allowed; real ones have at most a few hundred bytes

bool in_brackets(std::string_view text) { return text.size() > 2 && text.front() == '<' && text.back() == '>'; }

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer) {
  const TokenId vocab = TokenId(tokenizer.size());
  offset_.assign(1, 0);
  ends_.assign(vocab, false);
  for (TokenId id : tokenizer.end_of_generation) {
    if (id < 0 || id >= vocab) continue;
    ends_[id] = true;
    end_of_generation_.push_back(id);
  }
  for (TokenId id = 0; id < vocab; ++id) {
    const std::string_view bytes = ends_[id] ? std::string_view() : tokenizer.bytes(id);
    if (bytes.size() <= kMaxBytes) bytes_ += bytes;
    offset_.push_back(uint32_t(bytes_.size()));
    const std::string_view text = tokenizer.bytes(id, /*keep_special=*/true);
    if (in_brackets(text) && (tokenizer.is_special(id) || !bracketed_.contains(std::string(text))))
      bracketed_[std::string(text)] = id;
  }

  next_same_.assign(vocab, -1);
  std::vector<TokenId> order(vocab);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
    const int difference = bytes(a).compare(bytes(b));
    return difference != 0 ? difference < 0 : a < b;
  });
  std::vector<uint32_t> path;  // the node of each byte of the token before
  std::string_view before;
  const auto close = [&](size_t depth) {
    for (size_t i = depth; i < path.size(); ++i) nodes_[path[i]].end = uint32_t(nodes_.size());
    path.resize(depth);
  };
  for (TokenId id : order) {
    const std::string_view text = bytes(id);
    if (text.empty()) continue;
    const size_t shared = std::mismatch(text.begin(), text.end(), before.begin(), before.end()).first - text.begin();
    close(shared);
    for (size_t i = shared; i < text.size(); ++i) {
      path.push_back(uint32_t(nodes_.size()));
      nodes_.push_back({.end = 0, .token = -1, .depth = uint16_t(i), .byte = uint8_t(text[i])});
    }
    TokenId& token = nodes_[path.back()].token;
    next_same_[id] = token;
    token = id;
    max_depth_ = std::max(max_depth_, int(text.size()));
    before = text;
  }
  close(0);
}

std::optional<TokenId> TokenTrie::find(std::string_view text) const {
  const auto found = bracketed_.find(std::string(text));
  return found == bracketed_.end() ? std::nullopt : std::optional(found->second);
}

std::shared_ptr<const TokenTrie> make_token_trie(const Tokenizer& tokenizer) {
  return std::make_shared<TokenTrie>(tokenizer);
}

}  // namespace orrery::text
