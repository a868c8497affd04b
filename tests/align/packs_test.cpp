#include "orrery/align/packs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "orrery/base/random.h"

namespace orrery::align {
namespace {

TEST(Packs, TheLongestGoesFirstIntoTheFullestPackWithRoom) {
  // 7 and 6 begin packs of 10; 4 fits behind 6 alone, 3 and 3: behind 7, then into a new one; 1 finds that alone.
  EXPECT_EQ(best_fit_packs(std::vector<int64_t>{3, 1, 7, 4, 6, 3}, 10), (Packs{{2, 0}, {4, 3}, {5, 1}}));
  EXPECT_EQ(best_fit_packs(std::vector<int64_t>{6, 7, 3}, 10), (Packs{{1, 2}, {0}}));  // both have room, 7 less of it
  EXPECT_EQ(best_fit_packs(std::vector<int64_t>{10, 10}, 10), (Packs{{0}, {1}}));
  EXPECT_EQ(best_fit_packs({}, 10), Packs());
}

TEST(Packs, OfPacksWithEqualRoomTheFirstIsFilled) {
  EXPECT_EQ(best_fit_packs(std::vector<int64_t>{6, 6, 6, 4, 4}, 10), (Packs{{0, 3}, {1, 4}, {2}}));
}

TEST(Packs, EveryRecordIsInOnePackThatItFitsInto) {
  RandomStream random(7, "packs");
  const auto from_one_to = [&](double most) { return 1 + static_cast<int64_t>(random.uniform() * most); };
  for (int round = 0; round < 50; ++round) {
    std::vector<int64_t> sizes(static_cast<size_t>(from_one_to(200)));
    for (int64_t& size : sizes) size = from_one_to(64);
    std::vector<size_t> seen;
    std::vector<int64_t> left;
    for (const std::vector<size_t>& pack : best_fit_packs(sizes, 64)) {
      left.push_back(64);
      for (const size_t record : pack) left.back() -= sizes[record], seen.push_back(record);
      EXPECT_GE(left.back(), 0);
    }
    std::ranges::sort(seen);
    for (size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(seen.at(i), i);
    EXPECT_EQ(seen.size(), sizes.size());
    std::ranges::sort(left, std::greater());  // best fit leaves at most one pack half empty
    EXPECT_TRUE(left.size() < 2 || left[1] < 32) << left[1];
  }
}

}  // namespace
}  // namespace orrery::align
