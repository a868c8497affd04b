#include "orrery/text/documents/special_tokens.h"

namespace orrery::text {

std::string spell_special_tokens_apart(std::string text, const Tokenizer& tokenizer) {
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    if (!tokenizer.is_special(id)) continue;
    const std::string_view piece = tokenizer.piece(id);
    if (piece.size() < 2) continue;
    size_t from = 0, found = text.find(piece);
    if (found == text.npos) continue;
    std::string apart;
    for (; found != text.npos; found = text.find(piece, from)) {
      apart.append(text, from, found + 1 - from);
      apart += ' ';
      from = found + 1;
    }
    text = apart.append(text, from);
  }
  return text;
}

}  // namespace orrery::text
