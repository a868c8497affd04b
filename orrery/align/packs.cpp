#include "orrery/align/packs.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <numeric>

namespace orrery::align {

Packs best_fit_packs(std::span<const int64_t> sizes, int64_t capacity) {
  std::vector<size_t> longest_first(sizes.size());
  std::iota(longest_first.begin(), longest_first.end(), size_t{0});
  std::ranges::stable_sort(longest_first, std::greater(), [&](size_t record) { return sizes[record]; });
  Packs packs;
  std::map<int64_t, std::deque<size_t>> packs_with_room;  // by what is left; of equals, the one that came to it first
  for (const size_t record : longest_first) {
    auto found = packs_with_room.lower_bound(sizes[record]);
    if (found == packs_with_room.end()) {
      found = packs_with_room.try_emplace(capacity).first;
      found->second.push_back(packs.size());
      packs.emplace_back();
    }
    const size_t pack = found->second.front();
    packs[pack].push_back(record);
    const int64_t left = found->first - sizes[record];
    found->second.pop_front();
    if (found->second.empty()) packs_with_room.erase(found);
    packs_with_room[left].push_back(pack);
  }
  return packs;
}

}  // namespace orrery::align
