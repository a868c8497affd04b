// The one implementation of Tokenizer: added tokens, normaliser, pre-tokenizer, model, post-processor and decoder in a
// row. The loaders (tokenizer.json, tokenizer.model, GGUF) differ in which parts they put in.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "orrery/text/tokenizer/added_tokens.h"
#include "orrery/text/tokenizer/decoder.h"
#include "orrery/text/tokenizer/model.h"
#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/piece_table.h"
#include "orrery/text/tokenizer/pre_tokenizer.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

class PipelineTokenizer final : public Tokenizer {
 public:
  /// How the bytes of a list of tokens become text.
  enum class Decoding {
    kBytes,          ///< joined, ill-formed parts repaired
    kSentencePiece,  ///< as SentencePiece: every byte piece that is no UTF-8 is a U+FFFD of its own
    kChain,          ///< the decoder's steps on the pieces
  };

  struct Parts {
    /// On the heap, for models and indices point at them.
    std::unique_ptr<PieceTable> pieces = std::make_unique<PieceTable>();  ///< as the vocabulary writes them
    std::unique_ptr<PieceTable> bytes = std::make_unique<PieceTable>();   ///< what they stand for in a text
    PieceIndex by_piece;                                                  ///< over `pieces`
    std::unique_ptr<PieceTable> words;  ///< what the model knows the pieces as, where that is neither; kept alive here
    std::unique_ptr<PieceIndex> by_word;  ///< what the model looks words up in
    std::vector<bool> special;

    AddedTokens raw_added, normalized_added;
    NormalizerPtr normalizer;       ///< nullptr: none
    PreTokenizerPtr pre_tokenizer;  ///< nullptr: the text is one word
    ModelPtr model;
    std::vector<TokenId> prefix, suffix;  ///< what add_special puts around the text

    Decoding decoding = Decoding::kBytes;
    DecoderPtr decoder;                                      ///< of kChain; nullptr: joined by spaces
    std::unordered_map<TokenId, std::string> decoded_piece;  ///< kChain: where it is not the piece
    std::vector<bool> is_byte;                               ///< kSentencePiece: <0x..> pieces
    std::optional<std::string> unknown_surface;              ///< kSentencePiece: what the unknown token reads as
  };
  explicit PipelineTokenizer(Parts parts) : parts_(std::move(parts)) {}

  using Tokenizer::encode;
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override;
  std::string decode(std::span<const TokenId> ids, bool keep_special) const override;
  std::string_view bytes(TokenId id, bool keep_special) const override;
  int64_t size() const override { return parts_.pieces->size(); }
  bool is_special(TokenId id) const override {
    return parts_.pieces->contains(id) && parts_.special[static_cast<size_t>(id)];
  }
  std::optional<TokenId> find(std::string_view piece) const override;
  std::string_view piece(TokenId id) const override;

 private:
  void encode_text(std::string_view text, bool at_start, bool parse_special, std::vector<TokenId>& ids) const;
  void encode_normalized(Part part, std::vector<TokenId>& ids) const;
  std::string decode_sentencepiece(std::span<const TokenId> ids, bool keep_special) const;
  std::string decode_chain(std::span<const TokenId> ids, bool keep_special) const;

  Parts parts_;
};

}  // namespace orrery::text
