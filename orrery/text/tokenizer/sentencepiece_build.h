// Putting a SentencePiece tokenizer together, from whichever file its parts were read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/pipeline.h"
#include "orrery/text/tokenizer/sentencepiece_vocab.h"

namespace orrery::text {

struct SentencePieceParts {
  enum class Algorithm { kUnigram, kBpe } algorithm = Algorithm::kUnigram;
  std::vector<std::string_view> pieces;  ///< need only live during the call
  std::vector<float> scores;
  std::vector<PieceType> types;
  bool byte_fallback = false;
  std::string charsmap;  ///< bytes
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true,
       whitespace_as_suffix = false;
  std::string unknown_surface = " \xE2\x81\x87 ";
  std::vector<AddedToken> added;  ///< found before anything else; ids may lie behind the pieces
};

/// `where` is for messages. Throws Error where scores are no numbers, two pieces are equal, or byte_fallback lacks a
/// byte.
PipelineTokenizer::Parts build_sentencepiece(SentencePieceParts parts, const std::string& where);

}  // namespace orrery::text
