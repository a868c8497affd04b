// The engine's parts that need no model.
#include <gtest/gtest.h>

#include <numeric>

#include "orrery/text/engine/kv_cache.h"
#include "orrery/text/engine/stop_text.h"

namespace orrery::text {
namespace {

TEST(StopText, HoldsBackWhatMayBecomeAStopAndDropsIt) {
  StopText stop({"\nUser:", "###"});
  EXPECT_EQ(stop.push("Hello"), "Hello");
  EXPECT_EQ(stop.push(" there\nUs"), " there");
  EXPECT_EQ(stop.push("ual"), "\nUsual") << "it was no stop after all";
  EXPECT_EQ(stop.push(" #"), " ");
  EXPECT_EQ(stop.push("#"), "");
  EXPECT_EQ(stop.push("# gone"), "");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopText, GivesTheEarliestStopAndTheRestAtTheEnd) {
  StopText two({"bc", "ab"});
  EXPECT_EQ(two.push("xabc"), "x");
  EXPECT_TRUE(two.stopped());
  StopText open({"end"});
  EXPECT_EQ(open.push("the en"), "the ");
  EXPECT_EQ(open.finish(), "en");
  StopText none({""});
  EXPECT_EQ(none.push("text"), "text") << "an empty stop string stops nothing";
}

class KvCacheTest : public testing::Test {
 protected:
  // Fills a sequence's pages as the scheduler does.
  std::vector<PageId> fill(std::span<const TokenId> tokens) {
    std::vector<PageId> pages = cache.find_prefix(tokens, static_cast<int64_t>(tokens.size()) / 64);
    for (size_t i = pages.size(); i < tokens.size() / 64; ++i) {
      pages.push_back(cache.take());
      cache.remember(pages[i], i == 0 ? -1 : pages[i - 1], tokens.subspan(i * 64, 64));
    }
    return pages;
  }
  void release(const std::vector<PageId>& pages) {
    for (auto page = pages.rbegin(); page != pages.rend(); ++page) cache.release(*page);
  }
  static std::vector<TokenId> tokens(int64_t count, TokenId first) {
    std::vector<TokenId> ids(count);
    std::iota(ids.begin(), ids.end(), first);
    return ids;
  }
  KvCache cache{{DType::kF16, 1, 8}, 2, 4};
};

TEST_F(KvCacheTest, FindsTheLongestRememberedPrefix) {
  const auto long_text = tokens(192, 0);
  const auto pages = fill(long_text);
  EXPECT_EQ(cache.available(), 1);
  auto branch = tokens(128, 0);
  branch[100] = 7777;  // the second page differs
  const auto found = cache.find_prefix(branch, 2);
  EXPECT_EQ(found, std::vector<PageId>{pages[0]});
  EXPECT_EQ(cache.find_prefix(tokens(64, 64), 1), std::vector<PageId>{}) << "a second page is no first page";
  EXPECT_EQ(cache.find_prefix(tokens(63, 0), 1), std::vector<PageId>{});
  EXPECT_EQ(cache.find_prefix(long_text, 2), (std::vector<PageId>{pages[0], pages[1]})) << "no more than asked for";
}

TEST_F(KvCacheTest, KeepsReleasedPagesUntilTheirMemoryIsNeeded) {
  const auto text = tokens(192, 0);
  const auto pages = fill(text);
  release(pages);
  EXPECT_EQ(cache.available(), 4);
  EXPECT_EQ(cache.find_prefix(text, 3), pages);
  release(pages);
  const PageId empty = cache.take();
  EXPECT_EQ(std::count(pages.begin(), pages.end(), empty), 0) << "the page that holds nothing goes first";
  const PageId evicted = cache.take();
  EXPECT_EQ(evicted, pages[2]) << "then the end of a prefix, never its beginning";
  EXPECT_EQ(cache.find_prefix(text, 3), (std::vector<PageId>{pages[0], pages[1]}));
}

TEST_F(KvCacheTest, NewContentOfAPageDoesNotLeadToItsOldChildren) {
  const auto text = tokens(128, 0);
  const auto pages = fill(text);
  release(pages);
  for (int i = 0; i < 3; ++i) cache.take();  // two empty pages, then the second page of the text
  const auto other = tokens(64, 5000);
  EXPECT_EQ(cache.find_prefix(text, 2), std::vector<PageId>{pages[0]});
}

}  // namespace
}  // namespace orrery::text
