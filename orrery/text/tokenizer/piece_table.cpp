#include "orrery/text/tokenizer/piece_table.h"

#include <algorithm>
#include <bit>

namespace orrery::text {

PieceIndex::PieceIndex(const PieceTable& pieces, size_t capacity) : pieces_(&pieces) {
  const size_t slots = std::bit_ceil(std::max<size_t>(16, capacity * 2 + 1));
  slots_.assign(slots, {0, kNoToken});
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
}

bool PieceIndex::insert(TokenId id) {
  const std::string_view piece = (*pieces_)[id];
  const uint64_t hash = hash_piece(piece);
  size_t slot = hash >> shift_;
  for (; slots_[slot].id != kNoToken; slot = (slot + 1) & mask_) {
    if (slots_[slot].hash == static_cast<uint32_t>(hash) && (*pieces_)[slots_[slot].id] == piece) return false;
  }
  slots_[slot] = {static_cast<uint32_t>(hash), id};
  return true;
}

}  // namespace orrery::text
