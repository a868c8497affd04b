// Which tokens a grammar allows where, computed by a walk over the vocabulary's trie and remembered.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "orrery/text/sampling/automaton.h"
#include "orrery/text/sampling/stack_sets.h"
#include "orrery/text/sampling/token_trie.h"

namespace orrery::text {

/// One bit per token.
using TokenMask = std::vector<uint64_t>;

/// The tokens that a state of a rule allows do not depend on the stack below it, but for those with bytes left when the
/// rule is done. So a walk over the whole trie is made once per state (and once for all states that look alike for as
/// many bytes as a token has), and for a new stack only the subtrees are walked in which the rule ends. Where these are
/// most of the trie, as for a rule that is one character, the state that is returned to is taken into the walk that is
/// made once.
class MaskCache {
 public:
  MaskCache(const PushdownAutomaton& automaton, const TokenTrie& trie);

  /// Valid until the next call.
  const TokenMask& mask(StackSets& sets, StackSets::Id set);
  /// Forgets what was kept by numbers of `sets`.
  void forget_sets() { by_set_.clear(); }

 private:
  struct Local {
    TokenMask allowed;                 // tokens that end before the rules of the walk do, or just then
    std::vector<uint32_t> rule_ended;  // trie nodes after which they have ended, with nodes below
    uint64_t nodes_below = 0;          // of all of those
  };
  static constexpr size_t kMaxMasks = 1024, kMaxLocals = 2048;  // a vocabulary of 49,152 takes 6 KB each
  static constexpr uint64_t kManyNodes = 4096;

  /// Of a state, alone or with one to return to.
  const Local& local(StackSets& sets, uint32_t state, std::optional<uint32_t> return_to = std::nullopt);
  void add_top(StackSets& sets, const StackSets::Entry& top, TokenMask& mask);
  /// Walks the nodes [begin, end), siblings and what is below them, from `set`.
  template <typename AtNode>
  void walk(StackSets& sets, StackSets::Id set, uint32_t begin, uint32_t end, AtNode at_node);
  void allow(TokenMask& mask, TokenId first) const;
  void add_token_edges(std::span<const StackSets::Entry> tops, TokenMask& mask) const;

  const PushdownAutomaton& automaton_;
  const TokenTrie& trie_;
  std::unordered_map<uint64_t, Local> locals_;  // by lookalikes
  std::unordered_map<StackSets::Id, TokenMask> by_set_;
  std::vector<StackSets::Id> path_;  // [max_depth + 1] scratch of walk
};

}  // namespace orrery::text
