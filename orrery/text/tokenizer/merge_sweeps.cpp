// Merging long words, rank by rank. The word is a list of runs of equal symbols, so that a megabyte of one character is
// one run, and each sweep halves it.
#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "orrery/text/tokenizer/merges.h"

namespace orrery::text {

namespace {

/// Neighbouring runs never hold the same symbol. Every pair (two symbols of one run, or the last and first of two runs)
/// waits in the bucket of its rank. A rank whose symbol can merge again at once (MergeTable::is_hasty) is merged pair
/// by pair, and what turns up with a rank no higher goes first, through a heap; all others are merged in one sweep.
class Sweeper {
 public:
  void run(std::vector<Symbol>& symbols, const MergeTable& merges) {
    merges_ = &merges;
    if (bucket_of_rank_.size() <= merges.max_rank()) bucket_of_rank_.resize(merges.max_rank() + 1, kNone);
    make_runs(symbols);
    for (Ref i = 0; i < runs_.size(); ++i) look_up_inside(i), look_up_after(i);
    while (!ranks_.empty()) {
      const uint32_t rank = ranks_.top();
      ranks_.pop();
      sweep(rank);
    }
    symbols.clear();
    for (Ref i = 0; i != kNone; i = runs_[i].next) symbols.insert(symbols.end(), runs_[i].count, runs_[i].symbol);
    runs_.clear();
    if (runs_.capacity() > kKeptRuns) *this = Sweeper();
  }

 private:
  using Ref = uint32_t;
  static constexpr Ref kNone = ~Ref{0};
  static constexpr uint32_t kNever = MergeTable::kNever;
  static constexpr size_t kKeptRuns = 1 << 16;  // memory that a thread keeps for its next word: 3 MB

  struct Run {
    uint32_t place;  // of its first symbol, in the symbols that the word began with
    uint32_t count;
    uint32_t width;  // places of one symbol
    Symbol symbol;
    Ref previous = kNone, next = kNone;
    uint32_t inside = kNever, after = kNever;  // ranks: of two of its symbols; of its last one and the next run's first
  };
  /// A pair that waits, as one number that sorts by where it stands: place, then whether it is the one after the run,
  /// then the run.
  using Pair = uint64_t;
  static constexpr Pair kAfter = Pair{1} << 31;
  static Ref run_of(Pair pair) { return static_cast<Ref>(pair & (kAfter - 1)); }

  /// A pair that has to be merged before the sweep goes on.
  struct Early {
    uint32_t rank;
    Pair pair;
    bool operator>(const Early& other) const { return rank != other.rank ? rank > other.rank : pair > other.pair; }
  };

  void make_runs(const std::vector<Symbol>& symbols) {
    runs_.clear();
    for (size_t i = 0; i < symbols.size();) {
      size_t end = i + 1;
      while (end < symbols.size() && symbols[end] == symbols[i]) ++end;
      const auto self = static_cast<Ref>(runs_.size());
      const auto count = static_cast<uint32_t>(end - i);
      runs_.push_back({static_cast<uint32_t>(i), count, 1, symbols[i], self - 1, self + 1});
      i = end;
    }
    runs_.back().next = kNone;  // the first one's previous has wrapped to kNone
  }

  void wait(Pair pair, uint32_t rank) {
    if (rank == kNever) return;
    if (rank <= careful_rank_) return early_.push({rank, pair});
    uint32_t& bucket = bucket_of_rank_[rank];
    if (bucket == kNone) {
      ranks_.push(rank);
      if (free_buckets_.empty()) {
        free_buckets_.push_back(static_cast<uint32_t>(buckets_.size()));
        buckets_.emplace_back();
      }
      bucket = free_buckets_.back();
      free_buckets_.pop_back();
    }
    buckets_[bucket].push_back(pair);
  }

  void look_up_inside(Ref i) {
    Run& run = runs_[i];
    run.inside = run.count < 2 ? kNever : merges_->find(run.symbol, run.symbol).rank;
    wait(Pair{run.place} << 32 | i, run.inside);
  }
  void look_up_after(Ref i) {
    Run& run = runs_[i];
    run.after = run.next == kNone ? kNever : merges_->find(run.symbol, runs_[run.next].symbol).rank;
    wait(Pair{run.place} << 32 | kAfter | i, run.after);
  }

  void sweep(uint32_t rank) {
    const uint32_t bucket = std::exchange(bucket_of_rank_[rank], kNone);
    std::vector<Pair> pairs = std::move(buckets_[bucket]);
    if (!std::is_sorted(pairs.begin(), pairs.end())) std::sort(pairs.begin(), pairs.end());
    if (merges_->is_hasty(rank)) {
      merge_carefully(pairs, rank);
    } else {
      made_symbol_ = merges_->made_by(rank);
      for (Pair pair : pairs) {
        if (is_due(pair, rank)) (pair & kAfter) ? merge_after(run_of(pair)) : merge_inside(run_of(pair));
      }
      look_up_made();
    }
    pairs.clear();
    buckets_[bucket] = std::move(pairs);
    free_buckets_.push_back(bucket);
  }

  bool is_due(Pair pair, uint32_t rank) const {
    const Run& run = runs_[run_of(pair)];
    return (pair & kAfter ? run.after : run.inside) == rank;
  }

  /// Looks up the pairs that what was made is part of.
  void look_up_made() {
    Ref looked_up = kNone;
    for (Ref i : made_) {
      if (runs_[i].count == 0) continue;
      if (runs_[i].previous != kNone && runs_[i].previous != looked_up) look_up_after(runs_[i].previous);
      look_up_inside(i);
      look_up_after(i);
      looked_up = i;
    }
    made_.clear();
  }

  void merge_carefully(const std::vector<Pair>& pairs, uint32_t rank) {
    careful_rank_ = rank;
    for (Pair pair : pairs) {
      drain_early({rank, pair});
      merge_one(pair, rank);
    }
    drain_early({kNever, 0});
    careful_rank_ = -1;
  }
  void drain_early(Early limit) {
    while (!early_.empty() && limit > early_.top()) {
      const Early first = early_.top();
      early_.pop();
      merge_one(first.pair, first.rank);
    }
  }
  void merge_one(Pair pair, uint32_t rank) {
    if (!is_due(pair, rank)) return;
    const Ref i = run_of(pair);
    const Symbol right = pair & kAfter ? runs_[runs_[i].next].symbol : runs_[i].symbol;
    made_symbol_ = merges_->find(runs_[i].symbol, right).symbol;
    if (pair & kAfter) {
      merge_after(i);
    } else {
      const Run old = runs_[i];
      if (old.count > 3) {  // its rest stays as it is, and stays due
        runs_[i].count = 2;
        const Ref rest = insert_after(
            i, {.place = old.place + 2 * old.width, .count = old.count - 2, .width = old.width, .symbol = old.symbol});
        merge_inside(i);
        made_.push_back(rest);
      } else {
        merge_inside(i);
      }
    }
    look_up_made();
  }

  /// All symbols of a run, two by two from the left; an odd one stays behind them.
  void merge_inside(Ref i) {
    const Run old = runs_[i];
    const Ref odd = old.count % 2 == 0 ? kNone
                                       : insert_after(i, {.place = old.place + (old.count - 1) * old.width,
                                                          .count = 1,
                                                          .width = old.width,
                                                          .symbol = old.symbol});
    Run& run = runs_[i];
    run.symbol = made_symbol_;
    run.count /= 2;
    run.width *= 2;
    run.inside = run.after = kNever;
    settle(i);
    if (odd != kNone) made_.push_back(odd);
  }

  /// The last symbol of a run with the first of the next.
  void merge_after(Ref i) {
    const Ref j = runs_[i].next;
    const uint32_t width = runs_[i].width + runs_[j].width;
    const uint32_t place = runs_[i].place + (runs_[i].count - 1) * runs_[i].width;
    Ref made = i;
    if (runs_[i].count == 1) {
      runs_[i].symbol = made_symbol_;
      runs_[i].width = width;
      runs_[i].inside = runs_[i].after = kNever;
    } else {
      if (--runs_[i].count == 1) runs_[i].inside = kNever;
      runs_[i].after = kNever;
      made = insert_after(i, {.place = place, .count = 1, .width = width, .symbol = made_symbol_});
    }
    if (runs_[j].count == 1) {
      remove(j);
    } else {
      if (--runs_[j].count == 1) runs_[j].inside = kNever;
      runs_[j].place += runs_[j].width;
    }
    settle(made);
  }

  /// Joins a run that was made with equal neighbours.
  void settle(Ref i) {
    if (const Ref next = runs_[i].next; next != kNone && runs_[next].symbol == runs_[i].symbol) {
      runs_[i].count += runs_[next].count;
      remove(next);
    }
    const Ref previous = runs_[i].previous;
    if (previous == kNone || runs_[previous].symbol != runs_[i].symbol) {
      made_.push_back(i);
      return;
    }
    runs_[previous].count += runs_[i].count;
    runs_[previous].inside = runs_[previous].after = kNever;
    remove(i);
    if (made_.empty() || made_.back() != previous) made_.push_back(previous);
  }

  Ref insert_after(Ref i, Run run) {
    const auto self = static_cast<Ref>(runs_.size());
    run.previous = i;
    run.next = runs_[i].next;
    runs_.push_back(run);
    runs_[i].next = self;
    if (run.next != kNone) runs_[run.next].previous = self;
    return self;
  }
  void remove(Ref i) {
    Run& run = runs_[i];
    runs_[run.previous].next = run.next;  // the first run is never removed
    if (run.next != kNone) runs_[run.next].previous = run.previous;
    run.count = 0;
    run.inside = run.after = kNever;
  }

  const MergeTable* merges_ = nullptr;
  std::vector<Run> runs_;
  Symbol made_symbol_ = 0;
  int64_t careful_rank_ = -1;
  std::priority_queue<Early, std::vector<Early>, std::greater<>> early_;
  std::vector<Ref> made_;  // by the sweep at hand, and those whose neighbour changed
  std::vector<uint32_t> bucket_of_rank_, free_buckets_;
  std::vector<std::vector<Pair>> buckets_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ranks_;
};

}  // namespace

void merge_by_sweeps(std::vector<Symbol>& symbols, const MergeTable& merges) {
  if (symbols.empty()) return;
  thread_local Sweeper sweeper;
  sweeper.run(symbols, merges);
}

}  // namespace orrery::text
