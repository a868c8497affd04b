// Byte-pair encoding as tokenizer.json and GGUF's "gpt2" have it: merges listed by rank.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <unordered_map>

#include "orrery/text/tokenizer/merges.h"
#include "orrery/text/tokenizer/model.h"
#include "orrery/text/tokenizer/piece_table.h"

namespace orrery::text {

/// huggingface/tokenizers, models/bpe: the names are its own.
struct BpeOptions {
  bool bytes = false;          ///< words and pieces are raw bytes, a symbol to begin with is a byte; else a character
  bool byte_fallback = false;  ///< a character that is no piece becomes its bytes' <0x00> … <0xFF>
  bool fuse_unk = false;       ///< unknown characters in a row give one unk
  bool ignore_merges = false;  ///< a word that is a piece is that piece, whatever the merges would do
  std::optional<TokenId> unk;  ///< without it, unknown characters give nothing
  std::string continuing_subword_prefix, end_of_word_suffix;
};

class Bpe final : public Model {
 public:
  /// `index` over `pieces`; both must outlive the model.
  Bpe(const PieceTable& pieces, const PieceIndex& index, BpeOptions options);

  /// Merges are added in the order of their rank. `left`, `right` and their concatenation need not be pieces when
  /// `unlisted_too`: what is no piece comes out as its bytes then (GGUF); else such a merge is refused: false.
  bool add_merge(std::string_view left, std::string_view right, bool unlisted_too);
  /// As tiktoken has it: any two symbols that make a piece merge, and the piece's id is the rank.
  void add_merges_by_id();
  /// Call after the last merge.
  void finish();
  void reserve_merges(size_t merges) { merges_.reserve(merges); }
  void encode(std::string_view word, std::vector<TokenId>& ids) const override;

 private:
  enum Whole : uint8_t { kUntried, kIsOneToken, kIsMany };

  void encode_part(std::string_view word, std::vector<TokenId>& ids) const;
  void merge_word(std::string_view word, std::vector<Symbol>& symbols) const;
  TokenId character_id(std::string_view character) const;
  bool add_byte_tokens(std::string_view bytes, std::vector<Symbol>& symbols) const;
  void emit(const std::vector<Symbol>& symbols, std::vector<TokenId>& ids) const;
  Symbol symbol_of(std::string_view text, bool unlisted_too);

  const PieceTable& pieces_;
  const PieceIndex& index_;
  BpeOptions options_;
  MergeTable merges_;
  PieceTable unlisted_;  // symbols from pieces_.size() on
  std::unordered_map<std::string, Symbol> unlisted_symbols_;
  TokenId one_byte_[256];  // of the one-byte pieces
  TokenId fallback_[256];  // of <0x00> … <0xFF>
  size_t longest_piece_ = 0;
  bool affixes_ = false;
  std::vector<bool> is_odd_;  // pieces that words may begin with though they are no characters: unk and byte tokens
  bool merges_odd_ = false;
  bool cuts_at_metaspace_ = false;  // no merge crosses from another character into U+2581
  uint32_t next_rank_ = 0;
  mutable std::unique_ptr<std::atomic<uint8_t>[]> whole_;  // per piece: does its own text encode to it alone?
};

}  // namespace orrery::text
