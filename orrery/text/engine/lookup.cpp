#include "orrery/text/engine/lookup.h"

#include <algorithm>

namespace orrery::text {

void draft_by_lookup(std::vector<TokenId>& tokens, int64_t most) {
  const auto size = static_cast<int64_t>(tokens.size());
  for (const int64_t length : {3, 2}) {
    if (size <= length) continue;
    const auto tail = tokens.end() - length;
    const auto found = std::find_end(tokens.begin(), tokens.end() - 1, tail, tokens.end());
    if (found == tokens.end() - 1) continue;
    const int64_t first = found - tokens.begin() + length;
    tokens.reserve(tokens.size() + most);
    for (int64_t i = 0; i < most; ++i) tokens.push_back(tokens[first + i]);  // may go on into what it appends
    return;
  }
}

}  // namespace orrery::text
