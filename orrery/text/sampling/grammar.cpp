#include "orrery/text/sampling/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "orrery/base/error.h"
#include "orrery/text/sampling/automaton.h"
#include "orrery/text/sampling/gbnf.h"
#include "orrery/text/sampling/mask_cache.h"
#include "orrery/text/sampling/stack_sets.h"
#include "orrery/text/sampling/token_trie.h"

namespace orrery::text {

namespace {

/// What all copies of a grammar share. The collection of stack sets is replaced when it has grown large: copies that
/// still hold numbers of an older one move over on their next call.
struct Compiled {
  Compiled(const Gbnf& gbnf, std::shared_ptr<const TokenTrie> vocabulary)
      : trie(std::move(vocabulary)),
        automaton(compile_grammar(gbnf, trie->max_depth())),
        masks(automaton, *trie),
        sets(std::make_shared<StackSets>(automaton)) {}

  std::shared_ptr<const TokenTrie> trie;
  PushdownAutomaton automaton;
  std::mutex mutex;  // guards all below, and every collection of sets
  MaskCache masks;
  std::shared_ptr<StackSets> sets;
};

}  // namespace

struct Grammar::Impl {
  std::shared_ptr<Compiled> compiled;
  std::shared_ptr<StackSets> sets;
  StackSets::Id now = StackSets::kNone;
  bool may_end = false, must_end = false;

  explicit Impl(std::shared_ptr<Compiled> c) : compiled(std::move(c)), sets(compiled->sets) {
    const std::lock_guard lock(compiled->mutex);
    move_to(sets->start());
  }

  void move_to(StackSets::Id next) {
    now = next;
    may_end = sets->complete(next);
    must_end = sets->entries(next).empty();
  }

  void renew_sets() {
    if (compiled->sets->full()) {
      compiled->sets = std::make_shared<StackSets>(compiled->automaton);
      compiled->masks.forget_sets();
    }
    if (sets == compiled->sets) return;
    now = sets->copy_to(*compiled->sets, now);
    sets = compiled->sets;
  }

  void mask(std::span<float> logits) {
    const std::lock_guard lock(compiled->mutex);
    renew_sets();
    const TokenMask& allowed = compiled->masks.mask(*sets, now);
    constexpr float kForbidden = -std::numeric_limits<float>::infinity();
    for (size_t begin = 0; begin < logits.size(); begin += 64) {
      const uint64_t bits = begin / 64 < allowed.size() ? allowed[begin / 64] : 0;
      if (bits == ~uint64_t{0}) continue;
      const auto block = logits.subspan(begin, std::min<size_t>(64, logits.size() - begin));
      if (bits == 0) {
        std::fill(block.begin(), block.end(), kForbidden);
        continue;
      }
      for (size_t i = 0; i < block.size(); ++i) block[i] = bits >> i & 1 ? block[i] : kForbidden;
    }
  }

  void accept(TokenId token) {
    const TokenTrie& trie = *compiled->trie;
    if (token < 0 || token >= trie.vocab()) refuse(token);
    const std::lock_guard lock(compiled->mutex);
    renew_sets();
    const bool is_end = trie.is_end_of_generation(token);
    StackSets::Id next = sets->step_token(now, token, is_end);
    if (const auto bytes = trie.bytes(token); !bytes.empty()) {
      StackSets::Id after = now;
      for (unsigned char byte : bytes) after = sets->step(after, byte);
      next = sets->unite(next, after);
    }
    if (next == StackSets::kNone && is_end && may_end) next = StackSets::kEmptyStack;
    if (next == StackSets::kNone) refuse(token);
    move_to(next);
  }

  [[noreturn]] void refuse(TokenId token) const {
    throw Error({.doing = "follow a grammar",
                 .where = fmt::format("token {}", token),
                 .found = "a token that may not come next",
                 .expected = "one that the mask leaves"});
  }
};

Grammar::Grammar(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Grammar::Grammar(const Grammar& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Grammar::Grammar(Grammar&&) noexcept = default;
Grammar& Grammar::operator=(Grammar&&) noexcept = default;
Grammar::~Grammar() = default;

Grammar Grammar::from_gbnf(std::string_view text, std::shared_ptr<const TokenTrie> trie, std::string_view root) {
  const Gbnf gbnf = parse_gbnf(text, *trie, root);
  return Grammar(std::make_unique<Impl>(std::make_shared<Compiled>(gbnf, std::move(trie))));
}

void Grammar::mask(std::span<float> logits) { impl_->mask(logits); }
void Grammar::accept(TokenId token) { impl_->accept(token); }
bool Grammar::may_end() const { return impl_->may_end; }
bool Grammar::must_end() const { return impl_->must_end; }

}  // namespace orrery::text
