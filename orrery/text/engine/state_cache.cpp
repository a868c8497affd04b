#include "orrery/text/engine/state_cache.h"

#include <algorithm>

namespace orrery::text {

const StateCache::Entry* StateCache::find_prefix(std::span<const TokenId> tokens) {
  auto longest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    const size_t size = entry->tokens.size();
    if (size > tokens.size() || !std::ranges::equal(entry->tokens, tokens.first(size))) continue;
    if (longest == entries_.end() || size > longest->tokens.size()) longest = entry;
  }
  if (longest == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, longest);
  return &entries_.front();
}

void StateCache::keep(std::span<const TokenId> tokens, std::span<const std::byte> state) {
  entries_.remove_if([&](const Entry& entry) { return std::ranges::equal(entry.tokens, tokens); });
  while (!entries_.empty() && entries_.size() >= most_) entries_.pop_back();
  entries_.push_front({{tokens.begin(), tokens.end()}, {state.begin(), state.end()}});
}

}  // namespace orrery::text
