// Where a text can stand in a grammar: sets of stacks, shared and numbered, with a memory of the steps between them.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "orrery/text/sampling/automaton.h"

namespace orrery::text {

/// Every set of stacks that was met, each once (a graph-structured stack, Tomita 1986, with equal parts shared). A
/// stack is a state on top and the states to return to below; a set groups its stacks by their tops, each with the set
/// of what lies below. Set 0 has no stack; set 1 has only the empty stack, on which the text is complete.
class StackSets {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0, kEmptyStack = 1;
  static constexpr uint32_t kMaxDepth = 2000;
  struct Entry {
    uint32_t state;
    Id below;
    bool operator==(const Entry&) const = default;
  };

  explicit StackSets(const PushdownAutomaton& automaton);

  /// The texts that may come first.
  Id start();
  /// After one byte; kNone where it is not allowed. Sets given and returned are closed: their tops read bytes or
  /// tokens.
  Id step(Id set, uint8_t byte) {
    const uint32_t row = sets_[set].steps;
    if (row != kNoSteps) {
      const Id known = steps_[row + automaton_.byte_class[byte]];
      if (known != kUnknown) return known;
    }
    return first_step(set, byte);
  }
  /// The set {(state, below)}, not closed.
  Id single(uint32_t state, Id below);
  /// After one whole token, over edges that take tokens as such.
  Id step_token(Id set, TokenId token, bool is_end);
  /// A set below a top, as a set of tops.
  Id closed(Id below);
  Id unite(Id a, Id b);

  bool complete(Id set) const { return sets_[set].complete; }
  std::span<const Entry> entries(Id set) const {
    return std::span(entries_).subspan(sets_[set].begin, sets_[set].count);
  }

  /// Numbers used so far, and whether it is time to start again with new ones.
  bool full() const { return sets_.size() > kFullSets || steps_.size() > kFullSteps; }
  /// The same set in another collection.
  Id copy_to(StackSets& other, Id set) const;

 private:
  static constexpr uint32_t kNoSteps = UINT32_MAX, kUnknown = UINT32_MAX;
  static constexpr size_t kFullSets = 100'000, kFullSteps = 4'000'000;
  static constexpr size_t kMaxSets = 2'000'000, kMaxTops = 10'000;

  struct Set {
    uint32_t begin, count;  // of entries_, by ascending state
    uint32_t depth;         // states of the longest stack
    bool complete;          // holds the empty stack
    uint32_t steps = kNoSteps;
    Id closed = kUnknown;
  };

  Id intern(std::span<const Entry> entries, bool complete);
  Id first_step(Id set, uint8_t byte);
  Id close(std::vector<Entry> tops, bool complete);
  Id copy_to(StackSets& other, Id set, std::unordered_map<Id, Id>& done) const;
  [[noreturn]] void too_ambiguous() const;

  const PushdownAutomaton& automaton_;
  std::vector<Set> sets_;
  std::vector<Entry> entries_;
  std::vector<Id> steps_;  // rows of byte_classes
  std::unordered_multimap<uint64_t, Id> by_hash_;
  std::unordered_map<uint64_t, Id> unions_;
};

}  // namespace orrery::text
