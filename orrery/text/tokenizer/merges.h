// Byte-pair merging (Sennrich et al. 2016, "Neural machine translation of rare words with subword units"): again and
// again the pair of lowest rank, the leftmost of equals, becomes one symbol.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "orrery/text/tokenizer/function_ref.h"

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
  /// The symbols of a text's first and last characters (or bytes): what words are made of before merging.
  struct Ends {
    Symbol first, last;
  };
  /// Call after the last merge where every symbol stands for a text and merges join texts. Symbols that words may begin
  /// with and that are no single characters (the unknown token) must not occur in any merge.
  void finish(FunctionRef<Ends(Symbol)> ends_of);
  /// finish() was called: words can be merged by sweeps.
  bool is_regular() const { return regular_; }
  /// What every merge of a rank makes that is not hasty.
  Symbol made_by(uint32_t rank) const { return made_by_[rank]; }
  /// Merges of a rank may turn up while others of that rank are made: they have to be made one by one.
  bool is_hasty(uint32_t rank) const { return hasty_[rank]; }
  /// False only where, in a regular table, no merge ever joins a text that ends in `left` with one that begins with
  /// `right`.
  bool may_join(Symbol left, Symbol right) const { return joins_[join_bit(left, right)]; }
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

  static constexpr size_t kJoinBits = 1 << 16;
  static size_t join_bit(Symbol left, Symbol right) { return (left * 0x9E3779B1u + right * 0x85EBCA6Bu) >> 16; }
  bool regular_ = false;
  std::vector<Symbol> made_by_;
  std::vector<bool> hasty_;
  std::bitset<kJoinBits> joins_;  // by a hash of the two: now and then it says yes for no
};

/// Merges `symbols` in place. O(n²) but fast for short words, O(n log n) for long ones, and linear for a run of one
/// character.
void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges);

/// The algorithms that merge_symbols chooses from; any length will do for each. The second needs a regular table.
void merge_by_heap(std::vector<Symbol>& symbols, const MergeTable& merges);
void merge_by_sweeps(std::vector<Symbol>& symbols, const MergeTable& merges);

}  // namespace orrery::text
