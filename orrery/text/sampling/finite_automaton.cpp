#include "orrery/text/sampling/finite_automaton.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

namespace orrery::text {

namespace {

using Kind = AutomatonEdge::Kind;
using StateSet = std::vector<uint32_t>;  // ascending

struct StateSetHash {
  size_t operator()(const StateSet& set) const {
    uint64_t hash = 0xcbf29ce484222325;
    for (uint32_t state : set) hash = (hash ^ state) * 0x100000001b3;
    return hash ^ hash >> 32;
  }
};

// Paths for the code points of one encoded length, byte by byte. Where all continuations are allowed they share their
// states.
class Utf8Paths {
 public:
  Utf8Paths(Nfa& nfa, uint32_t target) : nfa_(nfa), any_(1, target) {}

  void add(uint32_t source, uint32_t low, uint32_t high) {
    static constexpr uint32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
    for (int length = 1; length <= 4 && low <= high; ++length) {
      const uint32_t end = std::min(high, kLastOfLength[length - 1]);
      if (low > end) continue;
      std::string first, last;
      append_utf8(first, low);
      append_utf8(last, end);
      between(source, first, last);
      low = end + 1;
    }
  }

 private:
  // The state from which any n continuation bytes lead to the target.
  uint32_t any(size_t n) {
    while (any_.size() <= n) {
      any_.push_back(nfa_.add_state());
      nfa_.add(any_.back(), any_[any_.size() - 2], Kind::kBytes, 0x80, 0xBF);
    }
    return any_[n];
  }

  void between(uint32_t source, std::string_view first, std::string_view last) {
    const size_t rest = first.size() - 1;
    uint32_t low = uint8_t(first[0]), high = uint8_t(last[0]);
    if (rest == 0) return nfa_.add(source, any(0), Kind::kBytes, low, high);
    const bool from_least = first.find_first_not_of('\x80', 1) == first.npos;
    const bool to_greatest = last.find_first_not_of('\xBF', 1) == last.npos;
    const auto step = [&](uint32_t byte) {
      const uint32_t next = nfa_.add_state();
      nfa_.add(source, next, Kind::kBytes, byte, byte);
      return next;
    };
    if (low == high && !(from_least && to_greatest)) return between(step(low), first.substr(1), last.substr(1));
    if (!from_least) between(step(low++), first.substr(1), std::string(rest, '\xBF'));
    if (!to_greatest) between(step(high--), std::string(rest, '\x80'), last.substr(1));
    if (low <= high) nfa_.add(source, any(rest), Kind::kBytes, low, high);
  }

  Nfa& nfa_;
  std::vector<uint32_t> any_;
};

// An Nfa's edges grouped by source, and what its empty edges reach.
class Edges {
 public:
  explicit Edges(const Nfa& nfa) : begin_(nfa.states + 1), edges_(nfa.edges.size()), seen_(nfa.states, 0) {
    for (const auto& edge : nfa.edges) ++begin_[edge.source + 1];
    for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    auto next = begin_;
    for (const auto& edge : nfa.edges) edges_[next[edge.source]++] = edge;
  }
  std::span<const AutomatonEdge> of(uint32_t state) const {
    return std::span(edges_).subspan(begin_[state], begin_[state + 1] - begin_[state]);
  }
  // States that are reached without reading and read something themselves, and the accepting one.
  StateSet closure(const StateSet& from, uint32_t accept, int64_t& work) {
    ++stamp_;
    StateSet reached, open;
    const auto visit = [&](uint32_t state) {
      if (seen_[state] == stamp_) return;
      seen_[state] = stamp_;
      open.push_back(state);
    };
    for (uint32_t state : from) visit(state);
    while (!open.empty()) {
      const uint32_t state = open.back();
      open.pop_back();
      bool reads = state == accept;
      for (const auto& edge : of(state)) {
        --work;
        if (edge.kind == Kind::kEmpty)
          visit(edge.target);
        else
          reads = true;
      }
      if (reads) reached.push_back(state);
    }
    std::sort(reached.begin(), reached.end());
    return reached;
  }

 private:
  std::vector<uint32_t> begin_;
  std::vector<AutomatonEdge> edges_;
  std::vector<uint32_t> seen_;
  uint32_t stamp_ = 0;
};

struct Symbol {
  Kind kind;
  uint32_t a, b;
  StateSet targets;
};

// The union of the edges out of a set, cut so that no two symbols overlap.
std::vector<Symbol> symbols_of(const StateSet& set, const Edges& edges, int64_t& work) {
  std::vector<Symbol> out;
  std::map<std::pair<Kind, uint32_t>, StateSet> whole;
  std::vector<AutomatonEdge> bytes;
  std::vector<uint32_t> cuts;
  for (uint32_t state : set) {
    for (const auto& edge : edges.of(state)) {
      --work;
      if (edge.kind == Kind::kBytes) {
        bytes.push_back(edge);
        cuts.push_back(edge.a);
        cuts.push_back(edge.b + 1);
      } else if (edge.kind != Kind::kEmpty) {
        whole[{edge.kind, edge.a}].push_back(edge.target);
      }
    }
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::sort(bytes.begin(), bytes.end(), [](const auto& x, const auto& y) { return x.a < y.a; });
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    Symbol symbol{Kind::kBytes, cuts[i], cuts[i + 1] - 1, {}};
    for (const auto& edge : bytes) {
      if (edge.a > symbol.a) break;
      --work;
      if (edge.b >= symbol.b) symbol.targets.push_back(edge.target);
    }
    if (!symbol.targets.empty()) out.push_back(std::move(symbol));
  }
  for (auto& [key, targets] : whole) out.push_back({key.first, key.second, 0, std::move(targets)});
  return out;
}

// Neighbouring byte ranges to the same state become one.
void add_edge(RuleAutomaton::State& state, const Symbol& symbol, uint32_t target) {
  if (!state.edges.empty()) {
    auto& last = state.edges.back();
    if (symbol.kind == Kind::kBytes && last.kind == Kind::kBytes && last.target == target && last.b + 1 == symbol.a) {
      last.b = symbol.b;
      return;
    }
  }
  state.edges.push_back({symbol.kind, symbol.a, symbol.b, target});
}

std::optional<RuleAutomaton> subset_construction(const Nfa& nfa, Edges& edges, int64_t& work) {
  const size_t limit = 2 * size_t(nfa.states) + 64;
  RuleAutomaton out;
  std::vector<StateSet> sets;
  std::unordered_map<StateSet, uint32_t, StateSetHash> index;
  const auto state_for = [&](const StateSet& from) {
    StateSet set = edges.closure(from, nfa.accept, work);
    const auto [found, is_new] = index.try_emplace(set, uint32_t(sets.size()));
    if (is_new) {
      out.states.push_back({.accepting = std::binary_search(set.begin(), set.end(), nfa.accept)});
      sets.push_back(std::move(set));
    }
    return found->second;
  };
  state_for({nfa.start});
  for (uint32_t i = 0; i < sets.size(); ++i) {
    const StateSet set = sets[i];
    for (const auto& symbol : symbols_of(set, edges, work)) {
      if (sets.size() > limit || work < 0) return std::nullopt;
      const uint32_t target = state_for(symbol.targets);
      add_edge(out.states[i], symbol, target);
    }
  }
  return out;
}

RuleAutomaton remove_empty_edges(const Nfa& nfa, Edges& edges, int64_t& work) {
  RuleAutomaton out;
  std::unordered_map<uint32_t, uint32_t> index;
  std::vector<uint32_t> order;
  const auto state_for = [&](uint32_t state) {
    const auto [found, is_new] = index.try_emplace(state, uint32_t(order.size()));
    if (is_new) order.push_back(state);
    return found->second;
  };
  state_for(nfa.start);
  for (size_t i = 0; i < order.size() && work >= 0; ++i) {
    out.states.emplace_back();
    for (uint32_t state : edges.closure({order[i]}, nfa.accept, work)) {
      if (state == nfa.accept) out.states[i].accepting = true;
      for (auto edge : edges.of(state)) {
        if (edge.kind == Kind::kEmpty) continue;
        edge.target = state_for(edge.target);
        out.states[i].edges.push_back(edge);
        --work;
      }
    }
  }
  return out;
}

}  // namespace

void Nfa::add_code_points(uint32_t source, uint32_t target, const CodePoints& chars) {
  Utf8Paths paths(*this, target);
  for (const auto& [low, high] : chars) paths.add(source, low, high);
}

RuleAutomaton without_empty_edges(const Nfa& nfa, int64_t& work) {
  Edges edges(nfa);
  auto deterministic = subset_construction(nfa, edges, work);
  if (deterministic || work < 0) return deterministic ? std::move(*deterministic) : RuleAutomaton{};
  return remove_empty_edges(nfa, edges, work);
}

}  // namespace orrery::text
