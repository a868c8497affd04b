#include "orrery/text/sampling/automaton.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "orrery/text/sampling/rule_compiler.h"

namespace orrery::text {

namespace {

using Kind = AutomatonEdge::Kind;

class Compiler {
 public:
  Compiler(const Gbnf& grammar, std::vector<RuleAutomaton> rules) : grammar_(grammar), rules_(std::move(rules)) {}

  PushdownAutomaton run(int horizon) {
    find_nullable();
    refuse_left_recursion();
    find_productive();
    if (!can_end_[grammar_.root][0])
      gbnf_error(grammar_.text, grammar_.rules[grammar_.root].position, "a root that no finite text matches",
                 "a rule that can come to an end");
    flatten();
    find_byte_classes();
    find_lookalikes(horizon);
    return std::move(out_);
  }

 private:
  // Marks states from which the rule's end is reached over edges that `crosses` lets through, until nothing changes.
  // ends[r][s]: from state s of rule r.
  template <typename Crosses>
  std::vector<std::vector<bool>> backwards(Crosses crosses) {
    std::vector<std::vector<bool>> ends(rules_.size());
    struct Place {
      uint32_t rule, state;
    };
    std::vector<Place> open;
    std::vector<std::vector<Place>> callers(rules_.size());  // edges that wait for a rule: their sources
    std::vector<std::vector<std::vector<uint32_t>>> sources(rules_.size());  // [rule][state] of edges into it
    for (uint32_t r = 0; r < rules_.size(); ++r) {
      ends[r].assign(rules_[r].states.size(), false);
      sources[r].resize(rules_[r].states.size());
      for (uint32_t s = 0; s < rules_[r].states.size(); ++s) {
        if (rules_[r].states[s].accepting) {
          ends[r][s] = true;
          open.push_back({r, s});
        }
        for (const auto& edge : rules_[r].states[s].edges) {
          sources[r][edge.target].push_back(s);
          if (edge.kind == Kind::kCall) callers[edge.a].push_back({r, s});
        }
      }
    }
    const auto try_mark = [&](Place at) {
      if (ends[at.rule][at.state]) return;
      for (const auto& edge : rules_[at.rule].states[at.state].edges) {
        if (!ends[at.rule][edge.target]) continue;
        if (edge.kind == Kind::kCall ? !ends[edge.a].front() : !crosses(edge)) continue;
        ends[at.rule][at.state] = true;
        open.push_back(at);
        return;
      }
    };
    while (!open.empty()) {
      const Place at = open.back();
      open.pop_back();
      for (uint32_t source : sources[at.rule][at.state]) try_mark({at.rule, source});
      if (at.state == 0)
        for (const Place& caller : callers[at.rule]) try_mark(caller);
    }
    return ends;
  }

  void find_nullable() {
    const auto ends = backwards([](const AutomatonEdge&) { return false; });
    for (const auto& states : ends) nullable_.push_back(!states.empty() && states.front());
  }

  void find_productive() {
    can_end_ = backwards([](const AutomatonEdge&) { return true; });
  }

  // The rules that may be called before anything is read.
  std::vector<uint32_t> left_calls(uint32_t rule) const {
    const auto& states = rules_[rule].states;
    std::vector<uint32_t> out, open = {0};
    std::vector<bool> seen(states.size(), false);
    seen[0] = true;
    while (!open.empty()) {
      const uint32_t state = open.back();
      open.pop_back();
      for (const auto& edge : states[state].edges) {
        if (edge.kind != Kind::kCall) continue;
        out.push_back(edge.a);
        if (!nullable_[edge.a] || seen[edge.target]) continue;
        seen[edge.target] = true;
        open.push_back(edge.target);
      }
    }
    return out;
  }

  void refuse_left_recursion() const {
    enum : uint8_t { kNew, kOpen, kDone };
    std::vector<uint8_t> mark(rules_.size(), kNew);
    std::vector<std::pair<uint32_t, std::vector<uint32_t>>> frames;
    for (uint32_t root = 0; root < rules_.size(); ++root) {
      if (rules_[root].states.empty() || mark[root] != kNew) continue;
      mark[root] = kOpen;
      frames.emplace_back(root, left_calls(root));
      while (!frames.empty()) {
        auto& [rule, calls] = frames.back();
        if (calls.empty()) {
          mark[rule] = kDone;
          frames.pop_back();
          continue;
        }
        const uint32_t callee = calls.back();
        calls.pop_back();
        if (mark[callee] == kOpen)
          gbnf_error(grammar_.text, grammar_.rules[callee].position,
                     "left recursion: \"" + grammar_.rules[callee].name + "\" may begin with itself", {},
                     "put something before the rule's call of itself, or use * or +");
        if (mark[callee] == kDone) continue;
        mark[callee] = kOpen;
        frames.emplace_back(callee, left_calls(callee));
      }
    }
  }

  // Only what can come to an end is kept, so that whatever is allowed can be completed.
  void flatten() {
    std::vector<std::vector<uint32_t>> id(rules_.size());
    uint32_t count = 0;
    for (uint32_t r = 0; r < rules_.size(); ++r) {
      id[r].assign(rules_[r].states.size(), 0);
      for (uint32_t s = 0; s < rules_[r].states.size(); ++s)
        if (s == 0 || can_end_[r][s]) id[r][s] = count++;
    }
    out_.root = grammar_.root;
    for (uint32_t r = 0; r < rules_.size(); ++r) {
      out_.start.push_back(rules_[r].states.empty() ? 0 : id[r][0]);
      for (uint32_t s = 0; s < rules_[r].states.size(); ++s) {
        if (s != 0 && !can_end_[r][s]) continue;
        add_state_end();
        out_.states.back().accepting = rules_[r].states[s].accepting;
        for (const auto& edge : rules_[r].states[s].edges) {
          if (!can_end_[r][edge.target]) continue;
          const uint32_t target = id[r][edge.target];
          if (edge.kind == Kind::kBytes)
            out_.byte_edges.push_back({uint8_t(edge.a), uint8_t(edge.b), target});
          else if (edge.kind != Kind::kCall)
            out_.token_edges.push_back({TokenId(edge.a), edge.kind == Kind::kOtherToken, target});
          else if (can_end_[edge.a].front())
            out_.call_edges.push_back({edge.a, target});
        }
      }
    }
    add_state_end();
  }

  void add_state_end() {
    out_.states.push_back(
        {uint32_t(out_.byte_edges.size()), uint32_t(out_.call_edges.size()), uint32_t(out_.token_edges.size()), false});
  }

  void find_byte_classes() {
    std::array<bool, 257> cut{};
    for (const auto& edge : out_.byte_edges) cut[edge.low] = cut[edge.high + 1] = true;
    for (int byte = 0; byte < 256; ++byte) {
      if (byte > 0 && cut[byte]) ++out_.byte_classes;
      out_.byte_class[byte] = uint8_t(out_.byte_classes);
    }
    ++out_.byte_classes;
  }

  // States get a mark from what they can read in 0, 1, … horizon bytes (Moore 1956, stopped early): a hash of their
  // edges and of their targets' marks. Every few rounds it is looked whether the marks still tell more states apart
  // than before.
  void find_lookalikes(int horizon) {
    constexpr int kRounds = 8;
    const uint32_t n = uint32_t(out_.states.size() - 1);
    std::vector<uint64_t> now(n), next(n);
    for (uint32_t s = 0; s < n; ++s) now[s] = first_mark(s);
    size_t distinct = 0;
    for (int round = 0; round < horizon; ++round) {
      for (uint32_t s = 0; s < n; ++s) next[s] = mark(s, now);
      now.swap(next);
      if (round % kRounds != 0) continue;
      next = now;
      std::sort(next.begin(), next.end());
      const size_t count = std::unique(next.begin(), next.end()) - next.begin();
      if (count == distinct) break;
      distinct = count;
    }
    std::unordered_map<uint64_t, uint32_t> number;
    for (uint32_t s = 0; s < n; ++s)
      out_.lookalike.push_back(number.try_emplace(now[s], uint32_t(number.size())).first->second);
    out_.lookalikes = uint32_t(number.size());
  }

  uint64_t first_mark(uint32_t s) const { return out_.states[s].accepting ? 0x8EBC6AF09C88C6E3 : 0x589965CC75374CC3; }

  uint64_t mark(uint32_t s, const std::vector<uint64_t>& now) const {
    uint64_t hash = first_mark(s);
    const auto mix = [&hash](uint64_t value) {
      hash = (std::rotl(hash, 23) ^ value) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 32;
    };
    for (const auto& edge : out_.bytes(s)) {
      mix(now[edge.target]);
      mix(uint64_t{edge.low} << 8 | edge.high);
    }
    for (const auto& edge : out_.calls(s)) {
      mix(now[edge.target]);
      mix(uint64_t{edge.rule} << 16 | 0xFFFF);
    }
    return hash;
  }

  const Gbnf& grammar_;
  std::vector<RuleAutomaton> rules_;
  std::vector<bool> nullable_;
  std::vector<std::vector<bool>> can_end_;  // [rule][state]
  PushdownAutomaton out_;
};

}  // namespace

PushdownAutomaton compile_grammar(const Gbnf& grammar, int horizon) {
  return Compiler(grammar, compile_rules(grammar)).run(horizon);
}

}  // namespace orrery::text
