// WordPiece (Schuster and Nakajima 2012; Devlin et al. 2019, BERT): the longest piece first, from left to right.
#pragma once

#include <string>

#include "orrery/text/tokenizer/model.h"
#include "orrery/text/tokenizer/piece_table.h"

namespace orrery::text {

struct WordPieceOptions {
  std::string word_prefix;  ///< of the pieces that begin a word: GGUF's are marked and not the others
  std::string continuing_subword_prefix = "##";
  int64_t max_input_chars_per_word = 100;  ///< longer words are unknown
  TokenId unk = 0;                         ///< for a word that cannot be put together
};

/// `index` must outlive the model.
ModelPtr make_word_piece(const PieceIndex& index, WordPieceOptions options);

}  // namespace orrery::text
