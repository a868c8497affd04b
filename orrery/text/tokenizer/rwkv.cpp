#include "orrery/text/tokenizer/rwkv.h"

#include <algorithm>

namespace orrery::text {

namespace {

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

std::string unescape(std::string_view escaped) {
  std::string bytes;
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      bytes += escaped[i];
      continue;
    }
    const char letter = escaped[++i];
    if (letter == 'x' && i + 2 < escaped.size() && hex_digit(escaped[i + 1]) >= 0 && hex_digit(escaped[i + 2]) >= 0) {
      bytes += static_cast<char>(hex_digit(escaped[i + 1]) * 16 + hex_digit(escaped[i + 2]));
      i += 2;
    } else {
      bytes += letter == 'n' ? '\n' : letter == 't' ? '\t' : letter == 'r' ? '\r' : letter;
    }
  }
  return bytes;
}

class Greedy final : public Model {
 public:
  explicit Greedy(const PieceTable& pieces) {
    for (TokenId id = 0; id < pieces.size(); ++id) trie_.insert(pieces[id], id);
  }
  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    for (size_t at = 0; at < word.size();) {
      const ByteTrie::Match match = trie_.longest(word.substr(at));
      if (match.length > 0) ids.push_back(match.value);
      at += std::max<size_t>(match.length, 1);  // every byte is a token of a whole vocabulary
    }
  }

 private:
  ByteTrie trie_;
};

}  // namespace

PipelineTokenizer::Parts build_rwkv(std::span<const std::string_view> tokens, const std::vector<bool>& unused) {
  std::vector<std::string> words;
  for (size_t id = 0; id < tokens.size(); ++id) words.push_back(unused[id] ? "" : unescape(tokens[id]));
  return build_rwkv(std::vector<std::string>(tokens.begin(), tokens.end()), words);
}

PipelineTokenizer::Parts build_rwkv(std::span<const std::string> pieces, std::span<const std::string> words) {
  PipelineTokenizer::Parts parts;
  for (size_t i = 0; i < pieces.size(); ++i) {
    parts.pieces->add(pieces[i]);
    parts.bytes->add(words[i]);
  }
  parts.model = std::make_unique<Greedy>(*parts.bytes);
  return parts;
}

}  // namespace orrery::text
