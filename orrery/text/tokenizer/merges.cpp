#include "orrery/text/tokenizer/merges.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <queue>
#include <utility>

namespace orrery::text {

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

namespace {

using Merge = MergeTable::Merge;

constexpr size_t kShort = 96;  // below this, scanning for the lowest rank beats keeping a queue

void merge_short(std::vector<Symbol>& symbols, const MergeTable& merges) {
  uint32_t ranks[kShort];  // of the pair that begins here; the last has none
  Symbol results[kShort];
  Symbol* const ids = symbols.data();
  size_t size = symbols.size();
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
  symbols.resize(size);
}

/// Merges a long word. Pairs wait in one bucket per rank and are swept rank by rank, in the order of their places, so
/// that a run of equal pairs costs one sweep. A pair that turns up with a rank no higher than the one being swept goes
/// first, through a heap.
class LongMerger {
 public:
  void run(std::vector<Symbol>& symbols, const MergeTable& merges) {
    merges_ = &merges;
    ids_ = symbols.data();
    const auto size = static_cast<Place>(symbols.size());
    end_ = size;
    next_.resize(size);
    previous_.resize(size);
    pairs_.assign(size, Merge{});
    if (bucket_of_rank_.size() <= merges.max_rank()) bucket_of_rank_.resize(merges.max_rank() + 1, kNoBucket);
    for (Place i = 0; i < size; ++i) next_[i] = i + 1, previous_[i] = i - 1;  // the first one's wraps to kNowhere
    swept_ = -1;
    for (Place i = 0; i + 1 < size; ++i) queue(i);
    while (!ranks_.empty()) {
      const uint32_t rank = ranks_.top();
      ranks_.pop();
      sweep(rank);
    }
    size_t kept = 0;
    for (Place i = 0; i < size; i = next_[i]) symbols[kept++] = symbols[i];
    symbols.resize(kept);
    if (next_.capacity() > kKeptPlaces) *this = LongMerger();
  }

 private:
  using Place = uint32_t;
  struct Early {
    uint32_t rank;
    Place place;
    bool operator>(const Early& other) const { return rank != other.rank ? rank > other.rank : place > other.place; }
  };
  static constexpr Place kNowhere = ~Place{0};
  static constexpr uint32_t kNoBucket = ~uint32_t{0};
  static constexpr size_t kKeptPlaces = 1 << 16;  // memory that a thread keeps for its next word: about 2 MB

  /// Looks up the pair that begins at a place, and lets it wait.
  void queue(Place at) {
    const Merge merge = next_[at] == end_ ? Merge{} : merges_->find(ids_[at], ids_[next_[at]]);
    pairs_[at] = merge;
    if (merge.rank == MergeTable::kNever) return;
    if (merge.rank <= swept_) {
      early_.push({merge.rank, at});
      return;
    }
    uint32_t& bucket = bucket_of_rank_[merge.rank];
    if (bucket == kNoBucket) {
      ranks_.push(merge.rank);
      if (free_buckets_.empty()) {
        bucket = static_cast<uint32_t>(buckets_.size());
        buckets_.emplace_back();
      } else {
        bucket = free_buckets_.back();
        free_buckets_.pop_back();
      }
    }
    buckets_[bucket].push_back(at);
  }

  void sweep(uint32_t rank) {
    const uint32_t bucket = std::exchange(bucket_of_rank_[rank], kNoBucket);
    std::vector<Place> places = std::move(buckets_[bucket]);
    if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
    swept_ = rank;
    for (Place at : places) {
      drain_early({rank, at});
      merge(at, rank);
    }
    drain_early({MergeTable::kNever, 0});
    places.clear();
    buckets_[bucket] = std::move(places);
    free_buckets_.push_back(bucket);
  }

  /// Merges what comes before `limit`.
  void drain_early(Early limit) {
    while (!early_.empty() && limit > early_.top()) {
      const Early first = early_.top();
      early_.pop();
      merge(first.place, first.rank);
    }
  }

  /// Merges the pair at a place, if it still has that rank.
  void merge(Place at, uint32_t rank) {
    if (pairs_[at].rank != rank) return;
    const Place right = next_[at];
    ids_[at] = pairs_[at].symbol;
    next_[at] = next_[right];
    pairs_[right] = Merge{};
    if (next_[at] != end_) previous_[next_[at]] = at;
    queue(at);
    if (previous_[at] != kNowhere) queue(previous_[at]);
  }

  const MergeTable* merges_ = nullptr;
  Symbol* ids_ = nullptr;
  Place end_ = 0;
  std::vector<Place> next_, previous_;
  std::vector<Merge> pairs_;
  int64_t swept_ = -1;
  std::vector<uint32_t> bucket_of_rank_, free_buckets_;
  std::vector<std::vector<Place>> buckets_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ranks_;
  std::priority_queue<Early, std::vector<Early>, std::greater<>> early_;
};

}  // namespace

void merge_symbols(std::vector<Symbol>& symbols, const MergeTable& merges) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) {
    merge_short(symbols, merges);
  } else {
    thread_local LongMerger merger;
    merger.run(symbols, merges);
  }
}

}  // namespace orrery::text
