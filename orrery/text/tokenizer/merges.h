// Byte-pair merging (Sennrich et al. 2016, "Neural machine translation of rare words with subword units"): again and
// again the pair of lowest rank, the leftmost of equals, becomes one symbol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace orrery::text {

using Symbol = uint32_t;

/// Which pairs merge, when, and into what. Open addressing, one probe for most pairs. Immutable once built.
class MergeTable {
 public:
  static constexpr uint32_t kNever = ~uint32_t{0};
  struct Merge {
    uint32_t rank = kNever;
    Symbol symbol = 0;
  };

  void reserve(size_t merges);
  /// Ranks of different pairs may be equal. A pair added twice keeps its first merge; false then.
  bool add(Symbol left, Symbol right, Merge merge);
  /// As add(), but the last one stays.
  void add_or_replace(Symbol left, Symbol right, Merge merge);
  size_t size() const { return used_; }
  uint32_t max_rank() const { return max_rank_; }

  Merge find(Symbol left, Symbol right) const {
    if (slots_.empty()) return {};
    const uint64_t key = uint64_t{left} << 32 | right;
    for (size_t slot = hash(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kFree) return {};
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t kFree = ~uint64_t{0};
  size_t hash(uint64_t key) const { return (key * 0x9E3779B97F4A7C15u ^ key) * 0xD6E8FEB86659FD93u >> shift_; }
  Slot& slot_of(uint64_t key);
  void grow(size_t capacity);

  std::vector<Slot> slots_;
  size_t mask_ = 0, used_ = 0;
  int shift_ = 63;
  uint32_t max_rank_ = 0;
};

/// Merges `symbols` in place. O(n²) but fast for short words, O(n log n) for long ones, and linear for a run of one
/// character.
void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges);

}  // namespace orrery::text
