#include "orrery/text/tokenizer/word_piece.h"

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

class WordPiece final : public Model {
 public:
  WordPiece(const PieceIndex& index, WordPieceOptions options) : index_(index), options_(std::move(options)) {}

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    int64_t characters = 0;
    for (char byte : word) characters += !is_utf8_continuation(byte);
    const size_t before = ids.size();
    for (size_t begin = 0; begin < word.size();) {
      size_t end = characters > options_.max_input_chars_per_word ? begin : word.size();
      TokenId id = kNoToken;
      while (end > begin && (id = find(word.substr(begin, end - begin), begin > 0)) == kNoToken) {
        do --end;
        while (end > begin && is_utf8_continuation(word[end]));
      }
      if (id == kNoToken) {
        ids.resize(before);
        ids.push_back(options_.unk);
        return;
      }
      ids.push_back(id);
      begin = end;
    }
  }

 private:
  TokenId find(std::string_view part, bool continues) const {
    const std::string& prefix = continues ? options_.continuing_subword_prefix : options_.word_prefix;
    if (prefix.empty()) return index_.find(part);
    thread_local std::string prefixed;
    prefixed.assign(prefix).append(part);
    return index_.find(prefixed);
  }

  const PieceIndex& index_;
  WordPieceOptions options_;
};

}  // namespace

ModelPtr make_word_piece(const PieceIndex& index, WordPieceOptions options) {
  return std::make_unique<WordPiece>(index, std::move(options));
}

}  // namespace orrery::text
