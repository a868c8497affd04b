// What a recurrent model remembers of prompts, kept for those that go on from there: the counterpart of KvCache.
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Copies of states, each after certain tokens. A state is of use only to what begins with all of these. At most `most`
/// are kept, the least recently used going first. One thread at a time.
class StateCache {
 public:
  struct Entry {
    std::vector<TokenId> tokens;
    std::vector<std::byte> state;  ///< what Layers::saved_state_bytes() counts
  };

  explicit StateCache(size_t most) : most_(most) {}

  /// The entry of the longest prefix of `tokens`, nullptr where there is none; it stays until the next keep().
  const Entry* find_prefix(std::span<const TokenId> tokens);
  void keep(std::span<const TokenId> tokens, std::span<const std::byte> state);

 private:
  size_t most_;
  std::list<Entry> entries_;  // the last used first
};

}  // namespace orrery::text
