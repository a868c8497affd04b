// A grammar as a pushdown automaton over bytes: one finite automaton per rule, whose edges read a byte, take a whole
// token, or call a rule.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "orrery/text/sampling/gbnf.h"

namespace orrery::text {

struct PushdownAutomaton {
  struct ByteEdge {
    uint8_t low, high;
    uint32_t target;
  };
  struct CallEdge {
    uint32_t rule, target;  ///< after the rule's automaton accepts, go on in target
  };
  struct TokenEdge {
    TokenId token;
    bool negated;
    uint32_t target;
  };
  /// Ranges of edges begin here and end where the next state's begin.
  struct State {
    uint32_t bytes, calls, tokens;
    bool accepting;
  };

  std::vector<State> states;  ///< and one more, which ends the last one's edges
  std::vector<ByteEdge> byte_edges;
  std::vector<CallEdge> call_edges;
  std::vector<TokenEdge> token_edges;
  std::vector<uint32_t> start;            ///< [rules]
  uint32_t root = 0;                      ///< rule
  std::array<uint8_t, 256> byte_class{};  ///< bytes that no edge tells apart share one
  int byte_classes = 0;
  /// [states] equal for states that the next `horizon` bytes cannot tell apart.
  std::vector<uint32_t> lookalike;
  uint32_t lookalikes = 0;

  std::span<const ByteEdge> bytes(uint32_t s) const {
    return std::span(byte_edges).subspan(states[s].bytes, states[s + 1].bytes - states[s].bytes);
  }
  std::span<const CallEdge> calls(uint32_t s) const {
    return std::span(call_edges).subspan(states[s].calls, states[s + 1].calls - states[s].calls);
  }
  std::span<const TokenEdge> tokens(uint32_t s) const {
    return std::span(token_edges).subspan(states[s].tokens, states[s + 1].tokens - states[s].tokens);
  }
  /// Nothing comes after: a call into such a state needs no return address.
  bool only_returns(uint32_t s) const {
    return states[s].accepting && bytes(s).empty() && calls(s).empty() && tokens(s).empty();
  }
};

/// horizon: bytes of the longest token. Throws Error with line and column for left recursion, for a root that no finite
/// text matches, and for grammars of more than 500,000 states.
PushdownAutomaton compile_grammar(const Gbnf& grammar, int horizon);

}  // namespace orrery::text
