// A tokenizer of all single bytes, a few longer pieces, and special tokens: what sampling and grammars need of one.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Ids 0 … 255 are the bytes; then `pieces`; then `specials`, the first of which ends an answer. Encodes greedily,
/// longest first.
class ToyTokenizer : public Tokenizer {
 public:
  explicit ToyTokenizer(const std::vector<std::string>& pieces = {},
                        const std::vector<std::string>& specials = {"<end>"}) {
    for (int byte = 0; byte < 256; ++byte) pieces_.emplace_back(1, char(byte));
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
    first_special_ = TokenId(pieces_.size());
    pieces_.insert(pieces_.end(), specials.begin(), specials.end());
    if (!specials.empty()) {
      eos = first_special_;
      end_of_generation = {first_special_};
    }
  }

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId best = uint8_t(text[0]);
      for (TokenId id = 256; id < first_special_; ++id)
        if (pieces_[id].size() > pieces_[best].size() && text.starts_with(pieces_[id])) best = id;
      ids.push_back(best);
      text.remove_prefix(pieces_[best].size());
    }
    return ids;
  }
  using Tokenizer::encode;
  std::string decode(std::span<const TokenId> ids, bool keep_special) const override {
    std::string text;
    for (TokenId id : ids) text += bytes(id, keep_special);
    return text;
  }
  std::string_view bytes(TokenId id, bool keep_special) const override {
    return is_special(id) && !keep_special ? std::string_view() : pieces_[id];
  }
  int64_t size() const override { return int64_t(pieces_.size()); }
  bool is_special(TokenId id) const override { return id >= first_special_; }
  std::optional<TokenId> find(std::string_view piece) const override {
    const auto found = std::find(pieces_.begin(), pieces_.end(), piece);
    return found == pieces_.end() ? std::nullopt : std::optional(TokenId(found - pieces_.begin()));
  }
  std::string_view piece(TokenId id) const override { return pieces_[id]; }

 private:
  std::vector<std::string> pieces_;
  TokenId first_special_;
};

}  // namespace orrery::text
