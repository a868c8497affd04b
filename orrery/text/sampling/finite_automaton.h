// Finite automata whose symbols are bytes, tokens and calls: what one rule becomes.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/text/sampling/gbnf.h"

namespace orrery::text {

struct AutomatonEdge {
  enum class Kind : uint8_t { kEmpty, kBytes, kCall, kToken, kOtherToken };
  Kind kind;
  uint32_t a = 0, b = 0;  ///< kBytes: low, high (inclusive) · kCall: rule · tokens: id
  uint32_t target = 0;
};

/// May have empty edges and several with the same symbol.
struct Nfa {
  struct Edge : AutomatonEdge {
    uint32_t source = 0;
  };
  uint32_t states = 0, start = 0, accept = 0;
  std::vector<Edge> edges;

  uint32_t add_state() { return states++; }
  void add(uint32_t source, uint32_t target, AutomatonEdge::Kind kind = AutomatonEdge::Kind::kEmpty, uint32_t a = 0,
           uint32_t b = 0) {
    edges.push_back({{kind, a, b, target}, source});
  }
  /// Adds paths of bytes from source to target: the UTF-8 of each of the code points.
  void add_code_points(uint32_t source, uint32_t target, const CodePoints& chars);
};

/// No empty edges; state 0 is the start.
struct RuleAutomaton {
  struct State {
    bool accepting = false;
    std::vector<AutomatonEdge> edges;
  };
  std::vector<State> states;
};

/// The subset construction; where it would more than double the states (as for [ab]*a[ab]{20}), only the empty edges
/// are removed. `work` counts down by what was looked at; below zero the answer is empty.
RuleAutomaton without_empty_edges(const Nfa& nfa, int64_t& work);

}  // namespace orrery::text
