// What SentencePiece's models know about their pieces, from tokenizer.model or GGUF.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "orrery/text/tokenizer/byte_trie.h"
#include "orrery/text/tokenizer/piece_table.h"

namespace orrery::text {

/// The numbering of sentencepiece_model.proto and of tokenizer.ggml.token_type.
enum class PieceType : uint8_t { kUndefined, kNormal, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct SentencePieceVocab {
  const PieceTable* pieces = nullptr;
  PieceIndex index;              ///< of all pieces, by their text
  std::vector<float> scores;     ///< as many as pieces
  std::vector<PieceType> types;  ///< as many as pieces
  std::optional<TokenId> unk;
  std::array<TokenId, 256> bytes{};  ///< of <0x00> … <0xFF>, kNoToken where absent
  bool byte_fallback = false;
  ByteTrie user_defined;  ///< found before anything else; never merged

  PieceType type(TokenId id) const { return types[static_cast<size_t>(id)]; }
  float score(TokenId id) const { return scores[static_cast<size_t>(id)]; }
  /// May come out of ordinary text.
  bool is_text(TokenId id) const {
    return type(id) != PieceType::kUnknown && type(id) != PieceType::kControl && type(id) != PieceType::kByte;
  }
};

}  // namespace orrery::text
