#include "orrery/text/tokenizer/merges.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <queue>
#include <utility>

namespace orrery::text {

namespace {

Symbol left_of(uint64_t pair) { return static_cast<Symbol>(pair >> 32); }
Symbol right_of(uint64_t pair) { return static_cast<Symbol>(pair); }

}  // namespace

void MergeTable::reserve(size_t merges) { grow(std::bit_ceil(std::max<size_t>(16, merges * 2))); }

void MergeTable::grow(size_t capacity) {
  if (capacity <= slots_.size()) return;
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(capacity, Slot{kFree, {}}));
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (const Slot& moved : old) {
    if (moved.key != kFree) slot_of(moved.key) = moved;
  }
}

MergeTable::Slot& MergeTable::slot_of(uint64_t key) {
  size_t slot = hash(key);
  while (slots_[slot].key != key && slots_[slot].key != kFree) slot = (slot + 1) & mask_;
  return slots_[slot];
}

bool MergeTable::add(Symbol left, Symbol right, Merge merge) {
  if ((used_ + 1) * 2 > slots_.size()) grow(std::max<size_t>(16, slots_.size() * 2));
  const uint64_t key = uint64_t{left} << 32 | right;
  Slot& slot = slot_of(key);
  if (slot.key == key) return false;
  slot = {key, merge};
  max_rank_ = std::max(max_rank_, merge.rank);
  ++used_;
  return true;
}

void MergeTable::add_or_replace(Symbol left, Symbol right, Merge merge) {
  if (!add(left, right, merge)) slot_of(uint64_t{left} << 32 | right).merge = merge;
  max_rank_ = std::max(max_rank_, merge.rank);
}

void MergeTable::finish(FunctionRef<Ends(Symbol)> ends_of) {
  constexpr uint32_t kMost = 1 << 26;
  Symbol most = 0;
  for (const Slot& slot : slots_) {
    if (slot.key != kFree) most = std::max({most, slot.merge.symbol, left_of(slot.key), right_of(slot.key)});
  }
  regular_ = most < kMost && max_rank_ < kMost;
  if (!regular_) return;
  std::vector<uint32_t> first_use(most + 1, kNever);
  made_by_.assign(max_rank_ + 1, kNever);
  hasty_.assign(max_rank_ + 1, false);
  for (const Slot& slot : slots_) {
    if (slot.key == kFree) continue;
    const Symbol left = left_of(slot.key), right = right_of(slot.key);
    first_use[left] = std::min(first_use[left], slot.merge.rank);
    first_use[right] = std::min(first_use[right], slot.merge.rank);
    joins_.set(join_bit(ends_of(left).last, ends_of(right).first));
    Symbol& made = made_by_[slot.merge.rank];
    if (made != kNever && made != slot.merge.symbol) hasty_[slot.merge.rank] = true;  // scores may tie
    made = slot.merge.symbol;
  }
  for (const Slot& slot : slots_) {
    if (slot.key != kFree && first_use[slot.merge.symbol] <= slot.merge.rank) hasty_[slot.merge.rank] = true;
  }
}

namespace {

using Merge = MergeTable::Merge;

constexpr size_t kRepeated = 8;
constexpr size_t kShort = 96;  // below this, scanning for the lowest rank beats keeping a queue

/// Merges `size` symbols, at most kShort; returns how many are left.
size_t merge_short(Symbol* ids, size_t size, const MergeTable& merges) {
  uint32_t ranks[kShort];  // of the pair that begins here; the last has none
  Symbol results[kShort];
  const auto look_up = [&](size_t i) {
    const Merge merge = i + 1 < size ? merges.find(ids[i], ids[i + 1]) : Merge{};
    ranks[i] = merge.rank;
    results[i] = merge.symbol;
  };
  for (size_t i = 0; i < size; ++i) look_up(i);
  while (size > 1) {
    uint32_t lowest = MergeTable::kNever;
    for (size_t i = 0; i < size; ++i) lowest = std::min(lowest, ranks[i]);
    if (lowest == MergeTable::kNever) break;
    const size_t at = static_cast<size_t>(std::find(ranks, ranks + size, lowest) - ranks);
    ids[at] = results[at];
    const size_t moved = size - at - 2;
    std::memmove(ids + at + 1, ids + at + 2, moved * sizeof *ids);
    std::memmove(ranks + at + 1, ranks + at + 2, moved * sizeof *ranks);
    std::memmove(results + at + 1, results + at + 2, moved * sizeof *results);
    --size;
    look_up(at);
    if (at > 0) look_up(at - 1);
  }
  return size;
}

/// Merges a long word part by part: it can be cut wherever no merge joins two neighbours.
void merge_parts(std::vector<Symbol>& symbols, const MergeTable& merges) {
  std::vector<Symbol> long_part;
  Symbol last_part[kRepeated] = {};  // a character that repeats gives the same part again and again
  size_t last_size = 0, last_merged = 0, kept = 0;
  for (size_t begin = 0, end; begin < symbols.size(); begin = end) {
    end = begin + 1;
    while (end < symbols.size() && merges.may_join(symbols[end - 1], symbols[end])) ++end;
    size_t size = end - begin;
    if (size == last_size && std::equal(last_part, last_part + size, symbols.begin() + static_cast<ptrdiff_t>(begin))) {
      // What it became stands right before; it may overlap what is being read, but is never longer.
      std::copy_n(symbols.begin() + static_cast<ptrdiff_t>(kept - last_merged), last_merged,
                  symbols.begin() + static_cast<ptrdiff_t>(kept));
      kept += last_merged;
      continue;
    }
    last_size = size <= kRepeated ? size : 0;
    std::copy_n(symbols.begin() + static_cast<ptrdiff_t>(begin), last_size, last_part);
    if (size > kShort) {
      long_part.assign(symbols.begin() + static_cast<ptrdiff_t>(begin), symbols.begin() + static_cast<ptrdiff_t>(end));
      merge_by_sweeps(long_part, merges);
      size = long_part.size();
      std::copy(long_part.begin(), long_part.end(), symbols.begin() + static_cast<ptrdiff_t>(kept));
    } else {
      size = size == 1 ? 1 : merge_short(symbols.data() + begin, size, merges);
      std::memmove(symbols.data() + kept, symbols.data() + begin, size * sizeof(Symbol));
    }
    kept += size;
    last_merged = size;
  }
  symbols.resize(kept);
}

}  // namespace

void merge_by_heap(std::vector<Symbol>& symbols, const MergeTable& merges) {
  using Place = uint32_t;
  struct Waiting {
    uint32_t rank;
    Place place;
    bool operator>(const Waiting& other) const { return rank != other.rank ? rank > other.rank : place > other.place; }
  };
  const auto size = static_cast<Place>(symbols.size());
  std::vector<Place> next(size), previous(size);
  std::vector<Merge> pairs(size);  // of the pair that begins here
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> queue;
  const auto look_up = [&](Place at) {
    pairs[at] = next[at] == size ? Merge{} : merges.find(symbols[at], symbols[next[at]]);
    if (pairs[at].rank != MergeTable::kNever) queue.push({pairs[at].rank, at});
  };
  for (Place i = 0; i < size; ++i) next[i] = i + 1, previous[i] = i == 0 ? size : i - 1;
  for (Place i = 0; i < size; ++i) look_up(i);
  while (!queue.empty()) {
    const auto [rank, at] = queue.top();
    queue.pop();
    if (pairs[at].rank != rank) continue;  // one of the two is another by now
    const Place right = next[at];
    symbols[at] = pairs[at].symbol;
    next[at] = next[right];
    pairs[right] = {};
    if (next[at] != size) previous[next[at]] = at;
    look_up(at);
    if (previous[at] != size) look_up(previous[at]);
  }
  size_t kept = 0;
  for (Place i = 0; i < size; i = next[i]) symbols[kept++] = symbols[i];
  symbols.resize(kept);
}

void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) {
    symbols.resize(merge_short(symbols.data(), symbols.size(), merges));
  } else if (merges.is_regular()) {
    merge_parts(symbols, merges);
  } else {
    merge_by_heap(symbols, merges);
  }
}

}  // namespace orrery::text
