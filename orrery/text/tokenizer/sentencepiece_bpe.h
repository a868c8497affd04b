// SentencePiece's BPE (Kudo and Richardson 2018): any two neighbours whose text is a piece may merge, the best score
// first, the leftmost of equals.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "orrery/text/tokenizer/merges.h"
#include "orrery/text/tokenizer/model.h"
#include "orrery/text/tokenizer/sentencepiece_vocab.h"

namespace orrery::text {

class SentencePieceBpe final : public Model {
 public:
  /// Turns scores into a merge table: every way to put a piece together from two, with the rank of its score. O(bytes
  /// of all pieces).
  explicit SentencePieceBpe(SentencePieceVocab vocab);
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;

 private:
  /// Symbols that are no piece: characters inside longer pieces follow behind the pieces, unknown ones of the word at
  /// hand from here on.
  static constexpr Symbol kUnknown = 0x80000000u;
  Symbol first_inside() const { return static_cast<Symbol>(vocab_.pieces->size()); }
  struct Word;
  enum Whole : uint8_t { kUntried, kIsOneToken, kIsMany };

  void build_merges();
  void encode_part(std::string_view text, Word& word) const;
  Symbol character_symbol(std::string_view character) const;
  void emit(std::string_view text, Symbol symbol, Word& word) const;
  void emit_unknown(std::string_view text, Word& word) const;
  void emit_parts(TokenId unused, Word& word) const;

  SentencePieceVocab vocab_;
  MergeTable merges_;
  std::unordered_map<std::string, Symbol> inside_;
  std::vector<std::string> inside_text_;
  Symbol ascii_[128];
  bool cuts_at_metaspace_ = true;
  size_t longest_piece_ = 0;
  mutable std::unique_ptr<std::atomic<uint8_t>[]> whole_;  // per piece: does its own text encode to it alone?
};

}  // namespace orrery::text
