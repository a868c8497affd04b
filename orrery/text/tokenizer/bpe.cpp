#include "orrery/text/tokenizer/bpe.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

Bpe::Bpe(const PieceTable& pieces, const PieceIndex& index, BpeOptions options)
    : pieces_(pieces), index_(index), options_(std::move(options)) {
  affixes_ = !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    one_byte_[byte] = index_.find({&text, 1});
    fallback_[byte] = options_.byte_fallback ? index_.find(fmt::format("<0x{:02X}>", byte)) : kNoToken;
  }
  for (TokenId id = 0; id < pieces_.size(); ++id) longest_piece_ = std::max(longest_piece_, pieces_[id].size());
  if (options_.byte_fallback || options_.unk) {
    is_odd_.assign(static_cast<size_t>(pieces_.size()), false);
    if (options_.unk) is_odd_[static_cast<size_t>(*options_.unk)] = true;
    for (TokenId id : fallback_) {
      if (id != kNoToken) is_odd_[static_cast<size_t>(id)] = true;
    }
  }
  whole_ = std::make_unique<std::atomic<uint8_t>[]>(static_cast<size_t>(pieces_.size()));
  // A text without pre-tokenizer (Llama's) is one word; it may be cut before every U+2581 unless a merge proves
  // otherwise.
  cuts_at_metaspace_ = !options_.bytes && !affixes_ && index_.find(kMetaSpace) != kNoToken;
}

Symbol Bpe::symbol_of(std::string_view text, bool unlisted_too) {
  if (const TokenId id = index_.find(text); id != kNoToken) return static_cast<Symbol>(id);
  if (!unlisted_too) return MergeTable::kNever;
  const auto [known, added] =
      unlisted_symbols_.try_emplace(std::string(text), static_cast<Symbol>(pieces_.size() + unlisted_.size()));
  if (added) unlisted_.add(text);
  return known->second;
}

bool Bpe::add_merge(std::string_view left, std::string_view right, bool unlisted_too) {
  thread_local std::string joined;
  joined = left;
  std::string_view tail = right;
  if (tail.starts_with(options_.continuing_subword_prefix))
    tail.remove_prefix(options_.continuing_subword_prefix.size());
  joined += tail;
  const Symbol a = symbol_of(left, unlisted_too), b = symbol_of(right, unlisted_too),
               both = symbol_of(joined, unlisted_too);
  if (a == MergeTable::kNever || b == MergeTable::kNever || both == MergeTable::kNever) return false;
  for (Symbol symbol : {a, b, both}) merges_odd_ |= symbol < is_odd_.size() && is_odd_[symbol];
  // tokenizers lets the last of equal merges stand, llama.cpp the first.
  if (unlisted_too) {
    merges_.add(a, b, {next_rank_++, both});
  } else {
    merges_.add_or_replace(a, b, {next_rank_++, both});
  }
  if (right.starts_with(kMetaSpace) && !left.ends_with(kMetaSpace)) cuts_at_metaspace_ = false;
  return true;
}

void Bpe::add_merges_by_id() {
  for (TokenId id = 0; id < pieces_.size(); ++id) {
    const std::string_view piece = pieces_[id];
    if (index_.find(piece) != id) continue;
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      const TokenId left = index_.find(piece.substr(0, cut));
      const TokenId right = left == kNoToken ? kNoToken : index_.find(piece.substr(cut));
      if (right == kNoToken) continue;
      merges_.add(static_cast<Symbol>(left), static_cast<Symbol>(right),
                  {static_cast<uint32_t>(id), static_cast<Symbol>(id)});
    }
  }
}

void Bpe::finish() {
  if (affixes_ || merges_odd_) return;
  const auto size = static_cast<Symbol>(pieces_.size());
  merges_.finish([&](Symbol symbol) -> MergeTable::Ends {
    const std::string_view text =
        symbol < size ? pieces_[static_cast<TokenId>(symbol)] : unlisted_[static_cast<TokenId>(symbol - size)];
    size_t last = text.size() - 1;
    while (!options_.bytes && last > 0 && is_utf8_continuation(text[last])) --last;
    const size_t length = options_.bytes ? 1 : std::min<size_t>(utf8_length(text[0]), text.size());
    return {static_cast<Symbol>(character_id(text.substr(0, length))),
            static_cast<Symbol>(character_id(text.substr(last)))};
  });
}

TokenId Bpe::character_id(std::string_view character) const {
  return character.size() == 1 ? one_byte_[static_cast<unsigned char>(character[0])] : index_.find(character);
}

bool Bpe::add_byte_tokens(std::string_view bytes, std::vector<Symbol>& symbols) const {
  const size_t before = symbols.size();
  for (char byte : bytes) {
    const TokenId id = fallback_[static_cast<unsigned char>(byte)];
    if (id == kNoToken) {
      symbols.resize(before);
      return false;
    }
    symbols.push_back(static_cast<Symbol>(id));
  }
  return true;
}

void Bpe::merge_word(std::string_view word, std::vector<Symbol>& symbols) const {
  symbols.clear();
  if (options_.bytes && !affixes_) {
    for (char byte : word) {
      const TokenId id = one_byte_[static_cast<unsigned char>(byte)];
      if (id == kNoToken) break;
      symbols.push_back(static_cast<Symbol>(id));
    }
    if (symbols.size() == word.size()) return merge_symbols(symbols, merges_);
    symbols.clear();
  }
  bool unknown = false;  // an unk waits to be fused with the next
  std::string affixed;
  for (size_t at = 0; at < word.size();) {
    const size_t length = options_.bytes ? 1 : utf8_length(word[at]);
    std::string_view character = word.substr(at, length);
    if (affixes_) {
      affixed = at == 0 ? "" : options_.continuing_subword_prefix;
      affixed += character;
      if (at + length == word.size()) affixed += options_.end_of_word_suffix;
      character = affixed;
    }
    at += length;
    if (const TokenId id = character_id(character); id != kNoToken) {
      if (unknown) symbols.push_back(static_cast<Symbol>(*options_.unk));
      unknown = false;
      symbols.push_back(static_cast<Symbol>(id));
    } else if (!(options_.byte_fallback && add_byte_tokens(character, symbols)) && options_.unk) {
      if (unknown && !options_.fuse_unk) symbols.push_back(static_cast<Symbol>(*options_.unk));
      unknown = true;
    }
  }
  if (unknown) symbols.push_back(static_cast<Symbol>(*options_.unk));
  merge_symbols(symbols, merges_);
}

void Bpe::emit(const std::vector<Symbol>& symbols, std::vector<TokenId>& ids) const {
  for (Symbol symbol : symbols) {
    if (symbol < static_cast<Symbol>(pieces_.size())) {
      ids.push_back(static_cast<TokenId>(symbol));
      continue;
    }
    for (char byte : unlisted_[static_cast<TokenId>(symbol - static_cast<Symbol>(pieces_.size()))]) {
      const TokenId id = (options_.bytes ? one_byte_ : fallback_)[static_cast<unsigned char>(byte)];
      if (id != kNoToken) ids.push_back(id);
    }
  }
}

void Bpe::encode_part(std::string_view word, std::vector<TokenId>& ids) const {
  if (word.size() == 1 && one_byte_[static_cast<unsigned char>(word[0])] != kNoToken && !affixes_) {
    ids.push_back(one_byte_[static_cast<unsigned char>(word[0])]);
    return;
  }
  const TokenId piece = word.size() <= longest_piece_ ? index_.find(word) : kNoToken;
  if (piece != kNoToken) {
    if (options_.ignore_merges || whole_[piece].load(std::memory_order_relaxed) == kIsOneToken) {
      ids.push_back(piece);
      return;
    }
  }
  thread_local std::vector<Symbol> symbols;
  merge_word(word, symbols);
  if (piece != kNoToken && !affixes_) {
    const bool alone = symbols.size() == 1 && symbols[0] == static_cast<Symbol>(piece);
    whole_[piece].store(alone ? kIsOneToken : kIsMany, std::memory_order_relaxed);
  }
  emit(symbols, ids);
}

void Bpe::encode(std::string_view word, std::vector<TokenId>& ids) const {
  if (!cuts_at_metaspace_ || options_.ignore_merges) {
    encode_part(word, ids);
    return;
  }
  for (size_t begin = 0; begin < word.size();) {
    size_t end = begin;
    while (word.substr(end).starts_with(kMetaSpace)) end += kMetaSpace.size();
    end = std::min(word.find(kMetaSpace, end), word.size());
    encode_part(word.substr(begin, end - begin), ids);
    begin = end;
  }
}

}  // namespace orrery::text
