#include "orrery/text/sampling/stack_sets.h"

#include <algorithm>
#include <unordered_set>

#include "orrery/base/error.h"

namespace orrery::text {

StackSets::StackSets(const PushdownAutomaton& automaton) : automaton_(automaton) {
  intern({}, false);
  intern({}, true);
}

StackSets::Id StackSets::start() { return close({{automaton_.start[automaton_.root], kEmptyStack}}, false); }

StackSets::Id StackSets::single(uint32_t state, Id below) {
  const Entry entry{state, below};
  return intern({&entry, 1}, false);
}

StackSets::Id StackSets::intern(std::span<const Entry> entries, bool complete) {
  uint64_t hash = complete;
  uint32_t depth = 0;
  for (const auto& entry : entries) {
    hash = (hash ^ (uint64_t{entry.state} << 32 | entry.below)) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 31;
    depth = std::max(depth, sets_[entry.below].depth + 1);
  }
  for (auto [at, end] = by_hash_.equal_range(hash); at != end; ++at) {
    const auto known = this->entries(at->second);
    if (sets_[at->second].complete == complete &&
        std::equal(known.begin(), known.end(), entries.begin(), entries.end()))
      return at->second;
  }
  if (sets_.size() >= kMaxSets) too_ambiguous();
  const Id id = Id(sets_.size());
  sets_.push_back({uint32_t(entries_.size()), uint32_t(entries.size()), depth, complete});
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  by_hash_.emplace(hash, id);
  return id;
}

StackSets::Id StackSets::first_step(Id set, uint8_t byte) {
  std::vector<Entry> tops;
  for (const auto& [state, below] : entries(set))
    for (const auto& edge : automaton_.bytes(state))
      if (edge.low <= byte && byte <= edge.high) tops.push_back({edge.target, below});
  const Id next = close(std::move(tops), false);
  if (sets_[set].steps == kNoSteps) {
    sets_[set].steps = uint32_t(steps_.size());
    steps_.resize(steps_.size() + automaton_.byte_classes, kUnknown);
  }
  return steps_[sets_[set].steps + automaton_.byte_class[byte]] = next;
}

StackSets::Id StackSets::step_token(Id set, TokenId token, bool is_end) {
  std::vector<Entry> tops;
  for (const auto& [state, below] : entries(set))
    for (const auto& edge : automaton_.tokens(state))
      if (edge.negated ? edge.token != token && !is_end : edge.token == token) tops.push_back({edge.target, below});
  return tops.empty() ? kNone : close(std::move(tops), false);
}

StackSets::Id StackSets::closed(Id below) {
  if (sets_[below].closed == kUnknown) {
    const auto tops = entries(below);
    const Id set = close({tops.begin(), tops.end()}, sets_[below].complete);
    sets_[below].closed = set;
  }
  return sets_[below].closed;
}

// Follows calls and returns until only tops remain that read something. No rule calls itself before it has read, so
// this ends.
StackSets::Id StackSets::close(std::vector<Entry> tops, bool complete) {
  std::vector<Entry> reading;
  std::unordered_set<uint64_t> seen;
  const auto visit = [&](uint32_t state, Id below) {
    if (seen.size() > kMaxTops) too_ambiguous();
    if (seen.insert(uint64_t{state} << 32 | below).second) tops.push_back({state, below});
  };
  for (const auto& top : tops) seen.insert(uint64_t{top.state} << 32 | top.below);
  while (!tops.empty()) {
    const auto [state, below] = tops.back();
    tops.pop_back();
    if (!automaton_.bytes(state).empty() || !automaton_.tokens(state).empty()) reading.push_back({state, below});
    for (const auto& call : automaton_.calls(state)) {
      if (automaton_.only_returns(call.target))
        visit(automaton_.start[call.rule], below);
      else if (sets_[below].depth < kMaxDepth)
        visit(automaton_.start[call.rule], single(call.target, below));
    }
    if (automaton_.states[state].accepting) {
      complete |= sets_[below].complete;
      const size_t count = sets_[below].count;
      for (size_t i = 0; i < count; ++i) {
        const Entry top = entries_[sets_[below].begin + i];
        visit(top.state, top.below);
      }
    }
  }
  std::sort(reading.begin(), reading.end(),
            [](const Entry& a, const Entry& b) { return a.state != b.state ? a.state < b.state : a.below < b.below; });
  size_t kept = 0;
  for (const auto& top : reading) {
    if (kept > 0 && reading[kept - 1].state == top.state)
      reading[kept - 1].below = unite(reading[kept - 1].below, top.below);
    else
      reading[kept++] = top;
  }
  return intern({reading.data(), kept}, complete);
}

StackSets::Id StackSets::unite(Id a, Id b) {
  if (a == b || b == kNone) return a;
  if (a == kNone) return b;
  if (a > b) std::swap(a, b);
  const uint64_t key = uint64_t{a} << 32 | b;
  if (const auto known = unions_.find(key); known != unions_.end()) return known->second;
  std::vector<Entry> merged;
  const auto copy = [this](Id set) { return std::vector<Entry>(entries(set).begin(), entries(set).end()); };
  const auto left = copy(a), right = copy(b);
  for (size_t i = 0, j = 0; i < left.size() || j < right.size();) {
    if (j == right.size() || (i < left.size() && left[i].state < right[j].state)) {
      merged.push_back(left[i++]);
    } else if (i == left.size() || right[j].state < left[i].state) {
      merged.push_back(right[j++]);
    } else {
      merged.push_back({left[i].state, unite(left[i].below, right[j].below)});
      ++i, ++j;
    }
  }
  const Id id = intern(merged, complete(a) || complete(b));
  unions_.emplace(key, id);
  return id;
}

StackSets::Id StackSets::copy_to(StackSets& other, Id set) const {
  std::unordered_map<Id, Id> done;
  return copy_to(other, set, done);
}

StackSets::Id StackSets::copy_to(StackSets& other, Id set, std::unordered_map<Id, Id>& done) const {
  if (const auto known = done.find(set); known != done.end()) return known->second;
  std::vector<Entry> copied;
  for (const auto& [state, below] : entries(set)) copied.push_back({state, copy_to(other, below, done)});
  return done[set] = other.intern(copied, complete(set));
}

void StackSets::too_ambiguous() const {
  throw Error({.doing = "follow a grammar",
               .found = "too many ways to read the text so far",
               .expected = "a grammar in which few rules match the same text"});
}

}  // namespace orrery::text
