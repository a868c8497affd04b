#include "orrery/text/sampling/mask_cache.h"

namespace orrery::text {

MaskCache::MaskCache(const PushdownAutomaton& automaton, const TokenTrie& trie)
    : automaton_(automaton), trie_(trie), path_(trie.max_depth() + 1) {}

void MaskCache::allow(TokenMask& mask, TokenId first) const {
  for (TokenId token = first; token >= 0; token = trie_.next_same(token)) mask[token / 64] |= uint64_t{1} << token % 64;
}

template <typename AtNode>
void MaskCache::walk(StackSets& sets, StackSets::Id set, uint32_t begin, uint32_t end, AtNode at_node) {
  const auto* nodes = trie_.nodes().data();
  if (begin == end) return;
  path_[nodes[begin].depth] = set;
  for (uint32_t i = begin; i < end;) {
    const auto& node = nodes[i];
    const StackSets::Id next = sets.step(path_[node.depth], node.byte);
    if (next == StackSets::kNone) {
      i = node.end;
      continue;
    }
    path_[node.depth + 1] = next;
    at_node(i, next);
    ++i;
  }
}

const MaskCache::Local& MaskCache::local(StackSets& sets, uint32_t state, std::optional<uint32_t> return_to) {
  const uint64_t above = return_to ? automaton_.lookalike[*return_to] + 1 : 0;
  const uint64_t key = above << 32 | automaton_.lookalike[state];
  if (const auto known = locals_.find(key); known != locals_.end()) return known->second;
  if (locals_.size() >= kMaxLocals) locals_.clear();
  Local made;
  made.allowed.assign((trie_.vocab() + 63) / 64, 0);
  const auto& nodes = trie_.nodes();
  const StackSets::Id below = return_to ? sets.single(*return_to, StackSets::kEmptyStack) : StackSets::kEmptyStack;
  walk(sets, sets.single(state, below), 0, uint32_t(nodes.size()), [&](uint32_t i, StackSets::Id now) {
    allow(made.allowed, nodes[i].token);
    if (!sets.complete(now) || nodes[i].end == i + 1) return;
    made.rule_ended.push_back(i);
    made.nodes_below += nodes[i].end - i - 1;
  });
  return locals_.emplace(key, std::move(made)).first->second;
}

void MaskCache::add_top(StackSets& sets, const StackSets::Entry& top, TokenMask& mask) {
  if (automaton_.bytes(top.state).empty()) return;
  const Local* inside = &local(sets, top.state);
  StackSets::Id below = top.below;
  const auto returns = sets.entries(below);
  if (inside->nodes_below > kManyNodes && returns.size() == 1 && !sets.complete(below)) {
    const auto [state, further] = returns.front();
    inside = &local(sets, top.state, state);
    below = further;
  }
  for (size_t i = 0; i < mask.size(); ++i) mask[i] |= inside->allowed[i];
  const StackSets::Id after = sets.closed(below);
  if (sets.entries(after).empty()) return;
  const auto& nodes = trie_.nodes();
  for (uint32_t node : inside->rule_ended)
    walk(sets, after, node + 1, nodes[node].end, [&](uint32_t i, StackSets::Id) { allow(mask, nodes[i].token); });
}

const TokenMask& MaskCache::mask(StackSets& sets, StackSets::Id set) {
  if (const auto known = by_set_.find(set); known != by_set_.end()) return known->second;
  if (by_set_.size() >= kMaxMasks) by_set_.clear();
  TokenMask mask((trie_.vocab() + 63) / 64, 0);
  const std::vector<StackSets::Entry> tops(sets.entries(set).begin(), sets.entries(set).end());
  for (const auto& top : tops) add_top(sets, top, mask);
  add_token_edges(tops, mask);
  if (sets.complete(set))
    for (TokenId token : trie_.end_of_generation()) mask[token / 64] |= uint64_t{1} << token % 64;
  return by_set_[set] = std::move(mask);
}

void MaskCache::add_token_edges(std::span<const StackSets::Entry> tops, TokenMask& mask) const {
  for (const auto& top : tops) {
    for (const auto& edge : automaton_.tokens(top.state)) {
      if (!edge.negated) {
        mask[edge.token / 64] |= uint64_t{1} << edge.token % 64;
        continue;
      }
      for (TokenId token = 0; token < trie_.vocab(); ++token)
        if (token != edge.token && !trie_.is_end_of_generation(token)) mask[token / 64] |= uint64_t{1} << token % 64;
    }
  }
}

}  // namespace orrery::text
