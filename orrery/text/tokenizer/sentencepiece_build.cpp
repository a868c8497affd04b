#include "orrery/text/tokenizer/sentencepiece_build.h"

#include <fmt/format.h>

#include <cmath>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/decoder.h"
#include "orrery/text/tokenizer/sentencepiece_bpe.h"
#include "orrery/text/tokenizer/unigram.h"

namespace orrery::text {

namespace {

/// What a piece reads as inside a text.
std::string surface(std::string_view piece, PieceType type) {
  if (type == PieceType::kByte) {
    if (const int byte = fallback_byte(piece); byte >= 0) return std::string(1, static_cast<char>(byte));
  }
  std::string text;
  for (size_t at = 0; at < piece.size();) {
    const size_t space = std::min(piece.find(kMetaSpace, at), piece.size());
    text.append(piece, at, space - at);
    if (space < piece.size()) text += ' ';
    at = std::min(space + kMetaSpace.size(), piece.size());
  }
  return text;
}

/// Tokens of other files: with the id of a piece they mark it, behind the pieces they extend the vocabulary.
void add_tokens(std::vector<AddedToken> added, PipelineTokenizer::Parts& tokenizer, const std::string& where) {
  constexpr int64_t kMostSkipped = 65536;
  for (AddedToken& token : added) {
    const int64_t size = tokenizer.pieces->size();
    if (token.id >= size + kMostSkipped) {
      throw Error({.doing = "read a tokenizer",
                   .where = where,
                   .found = fmt::format("the id {} of {}", token.id, token.content),
                   .expected = fmt::format("an id near the {} pieces", size)});
    }
    while (tokenizer.pieces->size() <= token.id) {
      const bool last = tokenizer.pieces->size() == token.id;
      tokenizer.pieces->add(last ? token.content : "");
      tokenizer.bytes->add(last ? token.content : "");
      tokenizer.special.push_back(last && token.special);
      tokenizer.is_byte.push_back(false);
    }
    if ((*tokenizer.pieces)[token.id] == token.content) tokenizer.raw_added.add(std::move(token));
  }
}

}  // namespace

PipelineTokenizer::Parts build_sentencepiece(SentencePieceParts parts, const std::string& where) {
  const auto refuse = [&](std::string found, std::string expected) {
    throw Error({.doing = "read a SentencePiece vocabulary",
                 .where = where,
                 .found = std::move(found),
                 .expected = std::move(expected)});
  };
  PipelineTokenizer::Parts tokenizer;
  SentencePieceVocab vocab;
  SentencePieceNorm norm;
  const size_t size = parts.pieces.size();
  size_t bytes = 0;
  for (std::string_view piece : parts.pieces) bytes += piece.size();
  tokenizer.pieces->reserve(size, bytes);
  tokenizer.bytes->reserve(size, bytes);
  vocab.index = PieceIndex(*tokenizer.pieces, size);
  vocab.bytes.fill(kNoToken);
  bool has_bytes = false;
  for (size_t i = 0; i < size; ++i) {
    const std::string_view piece = parts.pieces[i];
    const PieceType type = parts.types[i];
    const TokenId id = tokenizer.pieces->add(piece);
    tokenizer.bytes->add(surface(piece, type));
    tokenizer.special.push_back(type == PieceType::kControl || type == PieceType::kUnknown);
    tokenizer.is_byte.push_back(type == PieceType::kByte);
    if (!std::isfinite(parts.scores[i]))
      refuse(fmt::format("the score {} of {}", parts.scores[i], piece), "a finite number");
    if (!piece.empty()) vocab.index.insert(id);
    if (type == PieceType::kUnknown && !vocab.unk) vocab.unk = id;
    if (type == PieceType::kUserDefined) {
      norm.user_defined.insert(piece, id);
      vocab.user_defined.insert(piece, id);
    }
    if (type == PieceType::kByte) {
      if (const int byte = fallback_byte(piece); byte >= 0) vocab.bytes[static_cast<size_t>(byte)] = id;
      has_bytes = true;
    }
  }
  vocab.byte_fallback = parts.byte_fallback && has_bytes;
  add_tokens(std::move(parts.added), tokenizer, where);
  vocab.pieces = tokenizer.pieces.get();
  vocab.scores = std::move(parts.scores);
  vocab.types = std::move(parts.types);
  vocab.scores.resize(static_cast<size_t>(tokenizer.pieces->size()), 0.0f);
  vocab.types.resize(static_cast<size_t>(tokenizer.pieces->size()), PieceType::kControl);
  tokenizer.by_piece = PieceIndex(*tokenizer.pieces, static_cast<size_t>(tokenizer.pieces->size()));
  for (TokenId id = 0; id < tokenizer.pieces->size(); ++id) {
    if (!(*tokenizer.pieces)[id].empty()) tokenizer.by_piece.insert(id);
  }

  norm.charsmap = Charsmap(parts.charsmap, where);
  norm.add_dummy_prefix = parts.add_dummy_prefix;
  norm.remove_extra_whitespaces = parts.remove_extra_whitespaces;
  norm.escape_whitespaces = parts.escape_whitespaces;
  norm.whitespace_as_suffix = parts.whitespace_as_suffix;
  tokenizer.normalizer = make_sentencepiece_normalizer(std::move(norm));
  tokenizer.decoding = PipelineTokenizer::Decoding::kSentencePiece;
  tokenizer.unknown_surface = std::move(parts.unknown_surface);
  if (parts.algorithm == SentencePieceParts::Algorithm::kBpe) {
    tokenizer.model = std::make_unique<SentencePieceBpe>(std::move(vocab));
  } else {
    tokenizer.model = make_sentencepiece_unigram(std::move(vocab));
  }
  return tokenizer;
}

}  // namespace orrery::text
