#include "orrery/text/tokenizer/bert_gguf.h"

#include <string>

#include "orrery/text/tokenizer/word_piece.h"

namespace orrery::text {

PipelineTokenizer::Parts build_bert(std::span<const std::string_view> tokens, const std::vector<bool>& is_added,
                                    TokenId unk, const BertNorm& norm) {
  PipelineTokenizer::Parts parts;
  size_t bytes = 0;
  for (std::string_view token : tokens) bytes += token.size();
  parts.pieces->reserve(tokens.size(), bytes);
  parts.bytes->reserve(tokens.size(), bytes);
  parts.by_word = std::make_unique<PieceIndex>(*parts.pieces, tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const TokenId id = parts.pieces->add(tokens[i]);
    const bool begins_word = !is_added[i] && tokens[i].starts_with(kMetaSpace);
    parts.bytes->add(begins_word ? ' ' + std::string(tokens[i].substr(kMetaSpace.size())) : std::string(tokens[i]));
    if (!is_added[i] && !tokens[i].empty()) parts.by_word->insert(id);
  }
  parts.normalizer = make_bert_normalizer(norm);
  parts.pre_tokenizer = make_bert();
  parts.model = make_word_piece(*parts.by_word,
                                {.word_prefix = std::string(kMetaSpace), .continuing_subword_prefix = "", .unk = unk});
  return parts;
}

}  // namespace orrery::text
