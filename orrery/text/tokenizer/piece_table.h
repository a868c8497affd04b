// A vocabulary's strings in one block of memory, and the hash table that finds them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

inline constexpr TokenId kNoToken = -1;

/// Strings by id, appended in order of id.
class PieceTable {
 public:
  void reserve(size_t pieces, size_t bytes) {
    ends_.reserve(pieces);
    text_.reserve(bytes);
  }
  TokenId add(std::string_view piece) {
    text_ += piece;
    ends_.push_back(text_.size());
    return static_cast<TokenId>(ends_.size()) - 1;
  }
  std::string_view operator[](TokenId id) const {
    const auto i = static_cast<size_t>(id);
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {text_.data() + begin, ends_[i] - begin};
  }
  int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }

 private:
  std::string text_;
  std::vector<size_t> ends_;
};

/// A fast hash of a short string; not for hostile keys, of which a vocabulary has at most as many as its file has
/// bytes.
inline uint64_t hash_piece(std::string_view piece) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  const char* at = piece.data();
  size_t left = piece.size();
  uint64_t hash = left * kMultiplier;
  const auto mix = [&hash](uint64_t word) {
    const auto product = static_cast<unsigned __int128>(hash ^ word) * 0xD6E8FEB86659FD93u;
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  for (uint64_t word; left > 8; at += 8, left -= 8) {
    std::memcpy(&word, at, 8);
    mix(word);
  }
  if (left >= 4) {
    uint32_t low, high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + left - 4, 4);
    mix(uint64_t{high} << 32 | low);
  } else if (left > 0) {
    const auto byte = [at](size_t i) -> uint64_t { return static_cast<unsigned char>(at[i]); };
    mix(byte(0) << 16 | byte(left / 2) << 8 | byte(left - 1));
  }
  return hash * kMultiplier;
}

/// Ids by string. The table must outlive it and may not change.
class PieceIndex {
 public:
  PieceIndex() = default;
  /// Room for that many.
  PieceIndex(const PieceTable& pieces, size_t capacity);
  /// Where a string occurs twice, the first id stays. False when it was there.
  bool insert(TokenId id);
  TokenId find(std::string_view piece) const {
    if (slots_.empty()) return kNoToken;
    const uint64_t hash = hash_piece(piece);
    for (size_t slot = hash >> shift_;; slot = (slot + 1) & mask_) {
      if (slots_[slot].id == kNoToken) return kNoToken;
      if (slots_[slot].hash == static_cast<uint32_t>(hash) && (*pieces_)[slots_[slot].id] == piece)
        return slots_[slot].id;
    }
  }

 private:
  struct Slot {
    uint32_t hash;
    TokenId id;
  };
  const PieceTable* pieces_ = nullptr;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  int shift_ = 63;
};

}  // namespace orrery::text
