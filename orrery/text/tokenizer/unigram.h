// The unigram language model (Kudo 2018, "Subword regularization", sec. 3.2): the segmentation of highest summed score,
// by Viterbi.
#pragma once

#include <string>

#include "orrery/text/tokenizer/model.h"
#include "orrery/text/tokenizer/sentencepiece_vocab.h"

namespace orrery::text {

/// As SentencePiece has it: sums in float32, user-defined pieces first, unknown characters in a row give one unk or
/// their bytes.
ModelPtr make_sentencepiece_unigram(SentencePieceVocab vocab);

/// As huggingface/tokenizers has it: sums in float64, and every piece can match.
struct JsonUnigram {
  const PieceTable* pieces = nullptr;
  const PieceIndex* index = nullptr;
  std::vector<double> scores;
  std::optional<TokenId> unk;
  bool byte_fallback = false;
};
ModelPtr make_json_unigram(JsonUnigram unigram);

}  // namespace orrery::text
