#include "orrery/text/sampling/rule_compiler.h"

#include <algorithm>
#include <functional>

namespace orrery::text {

namespace {

constexpr uint64_t kMaxStates = 500'000;
constexpr int64_t kMaxWork = 40'000'000;      // steps of the constructions: about half a second
constexpr uint64_t kInlineRule = 8'192;       // states that writing one rule into its callers may add,
constexpr uint64_t kInlineCopies = 512;       // of a rule with several calls at most so many each
constexpr uint64_t kInlineGrammar = 100'000;  // and all rules together

constexpr uint64_t saturated(uint64_t a, uint64_t b) { return a != 0 && b > kMaxStates / a ? kMaxStates + 1 : a * b; }

using NodeKind = GbnfNode::Kind;

class RuleCompiler {
 public:
  explicit RuleCompiler(const Gbnf& grammar)
      : grammar_(grammar), out_(grammar.rules.size()), calls_(out_.size()), inlined_(out_.size(), false) {}

  std::vector<RuleAutomaton> run() {
    std::vector<bool> reachable(out_.size(), false);
    uses_.assign(out_.size(), 0);
    std::vector<uint32_t> open = {grammar_.root};
    reachable[grammar_.root] = true;
    while (!open.empty()) {
      const uint32_t rule = open.back();
      open.pop_back();
      collect_calls(grammar_.rules[rule].body, rule, 1);
      std::sort(calls_[rule].begin(), calls_[rule].end());
      calls_[rule].erase(std::unique(calls_[rule].begin(), calls_[rule].end()), calls_[rule].end());
      for (uint32_t callee : calls_[rule]) {
        if (reachable[callee]) continue;
        reachable[callee] = true;
        open.push_back(callee);
      }
    }
    for (const auto& [rule, recursive] : callees_first()) compile(rule, recursive);
    for (size_t rule = 0; rule < out_.size(); ++rule)
      if (inlined_[rule]) out_[rule] = {};
    return std::move(out_);
  }

 private:
  static uint64_t copies(const GbnfNode& node) {
    return node.max == GbnfNode::kNoMax ? uint64_t{node.min} + 1 : std::max<uint64_t>(node.max, 1);
  }

  void collect_calls(const GbnfNode& node, uint32_t rule, uint64_t times) {
    if (node.kind == NodeKind::kRule) {
      calls_[rule].push_back(node.rule);
      uses_[node.rule] = std::min(kMaxStates + 1, uses_[node.rule] + times);
    }
    const uint64_t inner = node.kind == NodeKind::kRepeat ? saturated(times, copies(node)) : times;
    for (const auto& child : node.children) collect_calls(child, rule, inner);
  }

  struct Ordered {
    uint32_t rule;
    bool recursive;
  };
  // Strongly connected components (Tarjan 1972), with a stack of our own: a chain of rules may be long.
  std::vector<Ordered> callees_first() const {
    struct Frame {
      uint32_t rule;
      size_t next_call;
    };
    std::vector<Ordered> order;
    std::vector<uint32_t> index(out_.size(), 0), low(out_.size(), 0), component;
    std::vector<bool> in_component(out_.size(), false);
    std::vector<Frame> frames;
    uint32_t counter = 0;
    const auto enter = [&](uint32_t rule) {
      index[rule] = low[rule] = ++counter;
      component.push_back(rule);
      in_component[rule] = true;
      frames.push_back({rule, 0});
    };
    enter(grammar_.root);
    while (!frames.empty()) {
      const uint32_t rule = frames.back().rule;
      if (frames.back().next_call < calls_[rule].size()) {
        const uint32_t callee = calls_[rule][frames.back().next_call++];
        if (index[callee] == 0)
          enter(callee);
        else if (in_component[callee])
          low[rule] = std::min(low[rule], index[callee]);
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().rule] = std::min(low[frames.back().rule], low[rule]);
      if (low[rule] != index[rule]) continue;
      const bool recursive =
          component.back() != rule || std::binary_search(calls_[rule].begin(), calls_[rule].end(), rule);
      for (uint32_t member = UINT32_MAX; member != rule;) {
        member = component.back();
        component.pop_back();
        in_component[member] = false;
        order.push_back({member, recursive});
      }
    }
    return order;
  }

  void compile(uint32_t rule, bool recursive) {
    const auto& body = grammar_.rules[rule].body;
    states_ += size(body);
    Nfa nfa;
    nfa.start = nfa.add_state();
    nfa.accept = nfa.add_state();
    add(nfa, body, nfa.start, nfa.accept);
    out_[rule] = without_empty_edges(nfa, work_);
    if (work_ < 0) too_large(grammar_.rules[rule].position);
    const uint64_t states = out_[rule].states.size(), added = saturated(states, uses_[rule]);
    if (recursive || rule == grammar_.root || added > kInlineRule || inlined_states_ + added > kInlineGrammar) return;
    if (uses_[rule] > 1 && states > kInlineCopies) return;
    inlined_[rule] = true;
    inlined_states_ += added;
  }

  [[noreturn]] void too_large(size_t position) const {
    gbnf_error(grammar_.text, position, "a grammar of more than 500,000 states", {},
               "use smaller repetition counts or fewer alternatives");
  }

  // States that add() will make, about; Error where they are too many.
  uint64_t size(const GbnfNode& node) const {
    uint64_t sum = 2;
    switch (node.kind) {
      case NodeKind::kLiteral:
        sum += node.literal.size();
        break;
      case NodeKind::kChars:
        sum += 4 + 2 * node.chars.size();
        break;
      case NodeKind::kRule:
        sum += inlined_[node.rule] ? out_[node.rule].states.size() : 0;
        break;
      case NodeKind::kToken:
        break;
      default:
        for (const auto& child : node.children) sum += size(child);
    }
    if (node.kind == NodeKind::kRepeat) sum = saturated(sum, copies(node));
    if (states_ + sum > kMaxStates) too_large(node.position);
    return sum;
  }

  void add(Nfa& nfa, const GbnfNode& node, uint32_t from, uint32_t to) const {
    using Edge = AutomatonEdge::Kind;
    switch (node.kind) {
      case NodeKind::kLiteral: {
        for (unsigned char byte : node.literal) {
          const uint32_t next = nfa.add_state();
          nfa.add(from, next, Edge::kBytes, byte, byte);
          from = next;
        }
        return nfa.add(from, to);
      }
      case NodeKind::kChars:
        return nfa.add_code_points(from, to, node.chars);
      case NodeKind::kToken:
        return nfa.add(from, to, node.negated ? Edge::kOtherToken : Edge::kToken, node.token);
      case NodeKind::kRule:
        if (inlined_[node.rule]) return add_copy(nfa, out_[node.rule], from, to);
        return nfa.add(from, to, Edge::kCall, node.rule);
      case NodeKind::kAlternatives:
        // Each has states of its own, for a repetition in one must not lead into another.
        for (const auto& child : node.children) {
          const uint32_t begin = nfa.add_state(), end = nfa.add_state();
          nfa.add(from, begin);
          nfa.add(end, to);
          add(nfa, child, begin, end);
        }
        return;
      case NodeKind::kSequence: {
        for (const auto& child : node.children) {
          const uint32_t next = nfa.add_state();
          add(nfa, child, from, next);
          from = next;
        }
        return nfa.add(from, to);
      }
      case NodeKind::kRepeat:
        return add_repeat(nfa, node, from, to);
    }
  }

  void add_copy(Nfa& nfa, const RuleAutomaton& rule, uint32_t from, uint32_t to) const {
    const uint32_t first = nfa.states;
    nfa.states += uint32_t(rule.states.size());
    nfa.add(from, first);
    for (uint32_t i = 0; i < rule.states.size(); ++i) {
      if (rule.states[i].accepting) nfa.add(first + i, to);
      for (const auto& edge : rule.states[i].edges) nfa.add(first + i, first + edge.target, edge.kind, edge.a, edge.b);
    }
  }

  // item{m,n}: m copies, then n-m that may be left at once for the end, or one in a loop.
  void add_repeat(Nfa& nfa, const GbnfNode& node, uint32_t from, uint32_t to) const {
    const GbnfNode& item = node.children.front();
    const auto one = [&] {
      const uint32_t begin = nfa.add_state(), end = nfa.add_state();
      nfa.add(from, begin);
      add(nfa, item, begin, end);
      from = end;
      return begin;
    };
    for (uint32_t i = 0; i < node.min; ++i) one();
    if (node.max == GbnfNode::kNoMax) {
      const uint32_t loop = nfa.add_state();
      nfa.add(from, loop);
      from = loop;
      one();
      nfa.add(from, loop);
      return nfa.add(loop, to);
    }
    for (uint32_t i = node.min; i < node.max; ++i) {
      nfa.add(from, to);
      one();
    }
    nfa.add(from, to);
  }

  const Gbnf& grammar_;
  std::vector<RuleAutomaton> out_;
  std::vector<std::vector<uint32_t>> calls_;
  std::vector<bool> inlined_;
  std::vector<uint64_t> uses_;  // how often all rules together call it, repetitions multiplied out
  uint64_t states_ = 0, inlined_states_ = 0;
  int64_t work_ = kMaxWork;
};

}  // namespace

std::vector<RuleAutomaton> compile_rules(const Gbnf& grammar) { return RuleCompiler(grammar).run(); }

}  // namespace orrery::text
