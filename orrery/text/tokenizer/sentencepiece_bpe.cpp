#include "orrery/text/tokenizer/sentencepiece_bpe.h"

#include <algorithm>
#include <numeric>

#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

/// What is known while a text is encoded.
struct SentencePieceBpe::Word {
  std::vector<TokenId>& ids;
  std::vector<Symbol> symbols;
  std::vector<std::string_view> unknown;  // the characters of the symbols from kUnknown on
  bool after_unknown = false;             // unknown characters in a row are one token
};

namespace {

/// The pieces' places when sorted by falling score; equal scores have equal places.
std::vector<uint32_t> ranks_of_scores(const std::vector<float>& scores) {
  std::vector<uint32_t> order(scores.size()), ranks(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && scores[order[i]] != scores[order[i - 1]]) ++rank;
    ranks[order[i]] = rank;
  }
  return ranks;
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(SentencePieceVocab vocab) : vocab_(std::move(vocab)) {
  build_merges();
  for (TokenId id = 0; id < vocab_.pieces->size(); ++id)
    longest_piece_ = std::max(longest_piece_, (*vocab_.pieces)[id].size());
  whole_ = std::make_unique<std::atomic<uint8_t>[]>(static_cast<size_t>(vocab_.pieces->size()));
  for (int c = 0; c < 128; ++c) {
    const char character = static_cast<char>(c);
    const TokenId id = vocab_.index.find({&character, 1});
    const auto inside = inside_.find(std::string(1, character));
    ascii_[c] = id != kNoToken && vocab_.is_text(id) ? static_cast<Symbol>(id)
                : inside != inside_.end()            ? inside->second
                                                     : kUnknown;
  }
}

void SentencePieceBpe::build_merges() {
  const PieceTable& pieces = *vocab_.pieces;
  const std::vector<uint32_t> ranks = ranks_of_scores(vocab_.scores);
  merges_.reserve(static_cast<size_t>(pieces.size()) * 2);
  const auto part_symbol = [&](std::string_view part) -> Symbol {
    const TokenId id = vocab_.index.find(part);
    if (id != kNoToken && vocab_.is_text(id)) return static_cast<Symbol>(id);
    if (utf8_length(part[0]) != part.size()) return kUnknown;
    const auto [known, added] =
        inside_.try_emplace(std::string(part), first_inside() + static_cast<Symbol>(inside_text_.size()));
    if (added) inside_text_.emplace_back(part);
    return known->second;
  };
  for (TokenId id = 0; id < pieces.size(); ++id) {
    const std::string_view piece = pieces[id];
    // Not what encode() would never look for: hidden duplicates, and tokens that are no text.
    if (!vocab_.is_text(id) || !is_utf8(piece) || piece.empty() || vocab_.index.find(piece) != id) continue;
    if (vocab_.type(id) == PieceType::kUnused) cuts_at_metaspace_ = false;
    std::string_view rest = piece;
    while (rest.starts_with(kMetaSpace)) rest.remove_prefix(kMetaSpace.size());
    if (rest.find(kMetaSpace) != rest.npos) cuts_at_metaspace_ = false;
    for (size_t cut = utf8_length(piece[0]); cut < piece.size(); cut += utf8_length(piece[cut])) {
      const Symbol left = part_symbol(piece.substr(0, cut));
      if (left == kUnknown) continue;
      const Symbol right = part_symbol(piece.substr(cut));
      if (right != kUnknown) merges_.add(left, right, {ranks[static_cast<size_t>(id)], static_cast<Symbol>(id)});
    }
  }
  merges_.finish([&](Symbol symbol) -> MergeTable::Ends {
    const std::string_view text =
        symbol < first_inside() ? pieces[static_cast<TokenId>(symbol)] : inside_text_[symbol - first_inside()];
    size_t last = text.size() - 1;
    while (is_utf8_continuation(text[last])) --last;
    return {part_symbol(text.substr(0, utf8_length(text[0]))), part_symbol(text.substr(last))};
  });
}

Symbol SentencePieceBpe::character_symbol(std::string_view character) const {
  if (character.size() == 1) return ascii_[static_cast<unsigned char>(character[0]) & 0x7F];
  const TokenId id = vocab_.index.find(character);
  if (id != kNoToken && vocab_.is_text(id)) return static_cast<Symbol>(id);
  if (inside_.empty()) return kUnknown;
  const auto inside = inside_.find(std::string(character));
  return inside == inside_.end() ? kUnknown : inside->second;
}

void SentencePieceBpe::encode_part(std::string_view text, Word& word) const {
  const TokenId piece = text.size() <= longest_piece_ ? vocab_.index.find(text) : kNoToken;
  if (piece != kNoToken && whole_[static_cast<size_t>(piece)].load(std::memory_order_relaxed) == kIsOneToken) {
    word.ids.push_back(piece);
    word.after_unknown = false;
    return;
  }
  word.symbols.clear();
  word.unknown.clear();
  for (size_t at = 0; at < text.size();) {
    const std::string_view character = text.substr(at, utf8_length(text[at]));
    at += character.size();
    Symbol symbol = character_symbol(character);
    if (symbol == kUnknown) {
      symbol += static_cast<Symbol>(word.unknown.size());
      word.unknown.push_back(character);
    }
    word.symbols.push_back(symbol);
  }
  merge_symbols(word.symbols, merges_);
  if (piece != kNoToken) {
    const bool alone = word.symbols.size() == 1 && word.symbols[0] == static_cast<Symbol>(piece) &&
                       vocab_.type(piece) != PieceType::kUnused;
    whole_[static_cast<size_t>(piece)].store(alone ? kIsOneToken : kIsMany, std::memory_order_relaxed);
  }
  for (Symbol symbol : word.symbols) {
    if (symbol >= kUnknown) {
      emit_unknown(word.unknown[symbol - kUnknown], word);
    } else if (symbol >= first_inside()) {
      emit_unknown(inside_text_[symbol - first_inside()], word);
    } else if (vocab_.type(static_cast<TokenId>(symbol)) == PieceType::kUnused) {
      emit_parts(static_cast<TokenId>(symbol), word);
    } else {
      word.ids.push_back(static_cast<TokenId>(symbol));
      word.after_unknown = false;
    }
  }
}

void SentencePieceBpe::emit_unknown(std::string_view text, Word& word) const {
  if (vocab_.byte_fallback) {
    for (char byte : text) {
      const TokenId id = vocab_.bytes[static_cast<unsigned char>(byte)];
      if (id != kNoToken) word.ids.push_back(id);
    }
    return;
  }
  if (vocab_.unk && !word.after_unknown) word.ids.push_back(*vocab_.unk);
  word.after_unknown = true;
}

/// An unused piece comes out as the two that it was merged from, and so on.
void SentencePieceBpe::emit_parts(TokenId unused, Word& word) const {
  const std::string_view piece = (*vocab_.pieces)[unused];
  // Replays the merges of the piece's own text up to the last one.
  std::vector<std::pair<std::string_view, Symbol>> parts;
  for (size_t at = 0; at < piece.size(); at += utf8_length(piece[at])) {
    const std::string_view character = piece.substr(at, utf8_length(piece[at]));
    parts.emplace_back(character, character_symbol(character));
  }
  while (parts.size() > 2) {
    MergeTable::Merge best;
    size_t where = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto merge = merges_.find(parts[i].second, parts[i + 1].second);
      if (merge.rank < best.rank) best = merge, where = i;
    }
    if (best.rank == MergeTable::kNever) break;
    parts[where] = {{parts[where].first.data(), parts[where].first.size() + parts[where + 1].first.size()},
                    best.symbol};
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(where) + 1);
  }
  for (const auto& [text, symbol] : parts) {
    if (symbol >= first_inside() || symbol == static_cast<Symbol>(unused)) {
      emit_unknown(text, word);
    } else if (vocab_.type(static_cast<TokenId>(symbol)) == PieceType::kUnused) {
      emit_parts(static_cast<TokenId>(symbol), word);
    } else {
      word.ids.push_back(static_cast<TokenId>(symbol));
      word.after_unknown = false;
    }
  }
}

void SentencePieceBpe::encode(std::string_view text, std::vector<TokenId>& ids) const {
  Word word{ids, {}, {}};
  // Up to `end` there is no user-defined piece. Without a piece that has U+2581 behind another character, no merge
  // crosses from one word to the next, and the words can be merged one by one.
  const auto encode_plain = [&](std::string_view plain) {
    for (size_t begin = 0; begin < plain.size();) {
      size_t end = plain.size();
      if (cuts_at_metaspace_) {
        size_t inside = begin;
        while (plain.substr(inside).starts_with(kMetaSpace)) inside += kMetaSpace.size();
        end = std::min(plain.find(kMetaSpace, inside), plain.size());
      }
      encode_part(plain.substr(begin, end - begin), word);
      begin = end;
    }
  };
  if (vocab_.user_defined.empty()) return encode_plain(text);
  size_t plain = 0;
  for (size_t at = 0; at < text.size();) {
    const auto match = vocab_.user_defined.longest(text.substr(at));
    if (match.length == 0) {
      at += utf8_length(text[at]);
      continue;
    }
    encode_plain(text.substr(plain, at - plain));
    ids.push_back(match.value);
    word.after_unknown = false;
    plain = at += match.length;
  }
  encode_plain(text.substr(plain));
}

}  // namespace orrery::text
