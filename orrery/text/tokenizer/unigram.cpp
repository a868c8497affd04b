#include "orrery/text/tokenizer/unigram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

constexpr double kUnknownPenalty = 10;  // below the lowest score

/// A node of the lattice: the best way to get to a place in the text.
template <typename Score>
struct Best {
  TokenId id = kNoToken;
  uint32_t from = kNowhere;
  Score score = 0;
  static constexpr uint32_t kNowhere = ~uint32_t{0};
};

/// Finds the best path through a word. `score_of(id, bytes)` is a piece's score, `unknown` that of a character that is
/// none.
template <typename Score, typename ScoreOf>
void find_best(std::string_view word, const ByteTrie& trie, Score unknown, TokenId unknown_id, ScoreOf score_of,
               std::vector<Best<Score>>& best) {
  // SentencePiece moves the origin of its float32 sums when they grow past this.
  constexpr Score kRebase = 100000;
  best.assign(word.size() + 1, {});
  const auto offer = [&](size_t from, size_t to, TokenId id, Score score) {
    Best<Score>& target = best[to];
    if (target.from == Best<Score>::kNowhere || score > target.score) target = {id, static_cast<uint32_t>(from), score};
  };
  size_t frontier = 0;
  for (size_t from = 0; from < word.size();) {
    if (sizeof(Score) == 4 && std::abs(best[from].score) > kRebase) {
      const Score origin = best[from].score;
      for (size_t i = from; i <= frontier; ++i) {
        if (i == from || best[i].from != Best<Score>::kNowhere) best[i].score -= origin;
      }
    }
    const Score here = best[from].score;
    const size_t character = std::min<size_t>(utf8_length(word[from]), word.size() - from);
    bool whole_character = false;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (size_t to = from; to < word.size();) {
      node = trie.step(node, static_cast<unsigned char>(word[to++]));
      if (node == ByteTrie::kNone) break;
      const TokenId id = trie.value(node);
      if (id == ByteTrie::kNoValue) continue;
      frontier = std::max(frontier, to);
      offer(from, to, id, score_of(id, to - from) + here);
      whole_character |= to - from == character;
    }
    if (!whole_character) {
      frontier = std::max(frontier, from + character);
      offer(from, from + character, unknown_id, unknown + here);
    }
    from += character;
  }
}

ByteTrie trie_of(const PieceTable& pieces, auto is_member) {
  ByteTrie trie;
  for (TokenId id = 0; id < pieces.size(); ++id) {
    if (!pieces[id].empty() && is_member(id)) trie.insert(pieces[id], id);
  }
  return trie;
}

class SentencePieceUnigram final : public Model {
 public:
  explicit SentencePieceUnigram(SentencePieceVocab vocab) : vocab_(std::move(vocab)) {
    trie_ = trie_of(*vocab_.pieces,
                    [this](TokenId id) { return vocab_.is_text(id) && vocab_.type(id) != PieceType::kUnused; });
    float lowest = std::numeric_limits<float>::max();
    for (TokenId id = 0; id < vocab_.pieces->size(); ++id) {
      if (vocab_.type(id) == PieceType::kNormal) lowest = std::min(lowest, vocab_.score(id));
    }
    unknown_score_ = lowest - static_cast<float>(kUnknownPenalty);
  }

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    thread_local std::vector<Best<float>> best;
    find_best<float>(
        word, trie_, unknown_score_, kNoToken,
        [this](TokenId id, size_t bytes) {
          return vocab_.type(id) == PieceType::kUserDefined ? static_cast<float>(0.1 * (static_cast<double>(bytes) - 1))
                                                            : vocab_.score(id);
        },
        best);
    const auto begin = static_cast<ptrdiff_t>(ids.size());
    bool after_unknown = false;
    for (size_t to = word.size(); to > 0; to = best[to].from) {  // backwards
      const TokenId id = best[to].id;
      if (id != kNoToken) {
        ids.push_back(id);
      } else if (vocab_.byte_fallback) {
        for (size_t i = to; i > best[to].from; --i) {
          const TokenId byte = vocab_.bytes[static_cast<unsigned char>(word[i - 1])];
          if (byte != kNoToken) ids.push_back(byte);
        }
      } else if (vocab_.unk && !after_unknown) {
        ids.push_back(*vocab_.unk);
      }
      after_unknown = id == kNoToken;
    }
    std::reverse(ids.begin() + begin, ids.end());
  }

 private:
  SentencePieceVocab vocab_;
  ByteTrie trie_;
  float unknown_score_;
};

class HubUnigram final : public Model {
 public:
  explicit HubUnigram(JsonUnigram unigram) : unigram_(std::move(unigram)) {
    trie_ =
        trie_of(*unigram_.pieces, [this](TokenId id) { return unigram_.index->find((*unigram_.pieces)[id]) == id; });
    double lowest = std::numeric_limits<double>::infinity();
    for (double score : unigram_.scores) lowest = std::min(lowest, score);
    unknown_score_ = lowest - kUnknownPenalty;
    for (int byte = 0; byte < 256; ++byte) bytes_[byte] = unigram_.index->find(fmt::format("<0x{:02X}>", byte));
  }

  void encode(std::string_view word, std::vector<TokenId>& ids) const override {
    thread_local std::vector<Best<double>> best;
    const TokenId unk = unigram_.unk.value_or(kNoToken);
    find_best<double>(
        word, trie_, unknown_score_, unk,
        [this](TokenId id, size_t) { return unigram_.scores[static_cast<size_t>(id)]; }, best);
    thread_local std::vector<std::pair<uint32_t, uint32_t>>
        spans;  // of the tokens, backwards; unknown ones in a row are one
    spans.clear();
    bool after_unknown = false;
    for (auto to = static_cast<uint32_t>(word.size()); to > 0; to = best[to].from) {
      const bool unknown = best[to].id == unk;
      if (unknown && after_unknown) {
        spans.back().first = best[to].from;
      } else {
        spans.emplace_back(best[to].from, to);
      }
      after_unknown = unknown;
    }
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      append(word.substr(span->first, span->second - span->first), ids);
    }
  }

 private:
  void append(std::string_view text, std::vector<TokenId>& ids) const {
    if (const TokenId id = unigram_.index->find(text); id != kNoToken) {
      ids.push_back(id);
    } else if (unigram_.byte_fallback &&
               std::all_of(text.begin(), text.end(), [this](char c) { return byte_id(c) != kNoToken; })) {
      for (char c : text) ids.push_back(byte_id(c));
    } else if (unigram_.unk) {
      ids.push_back(*unigram_.unk);
    } else {
      throw Error({.doing = "encode a text",
                   .found = fmt::format("\"{}\", which the vocabulary lacks", text),
                   .expected = "known characters, for this unigram model has no unk_id"});
    }
  }
  TokenId byte_id(char c) const { return bytes_[static_cast<unsigned char>(c)]; }

  JsonUnigram unigram_;
  ByteTrie trie_;
  double unknown_score_;
  TokenId bytes_[256];
};

}  // namespace

ModelPtr make_sentencepiece_unigram(SentencePieceVocab vocab) {
  return std::make_unique<SentencePieceUnigram>(std::move(vocab));
}

ModelPtr make_json_unigram(JsonUnigram unigram) { return std::make_unique<HubUnigram>(std::move(unigram)); }

}  // namespace orrery::text
