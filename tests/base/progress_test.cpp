#include "orrery/base/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace orrery {
namespace {

ProgressOptions tokens(int64_t total) { return {.title = "scoring", .total = total, .unit = "tokens"}; }

TEST(ProgressText, SaysShareAmountRateAndTimeLeft) {
  // 250 of 1000 in 5 s: 50 a second, 750 left take 15 s.
  EXPECT_EQ(progress_text(tokens(1000), 250, 5.0, 0, false), "scoring: 25 %  250 of 1000 tokens  50 /s  15 s left");
  EXPECT_EQ(progress_text({.title = "training", .total = 100, .unit = "steps", .note = "loss 1.23"}, 50, 5.0, 0, false),
            "training: 50 %  50 of 100 steps  10 /s  5 s left  loss 1.23");
  EXPECT_EQ(progress_text({.title = "loading", .total = 92'000'000}, 46'000'000, 0.5, 0, false),
            "loading: 50 %  46.0 MB of 92.0 MB  92.0 MB/s  1 s left");
}

TEST(ProgressText, WithoutATotalThereIsNoShareAndNoTimeLeft) {
  EXPECT_EQ(progress_text(tokens(0), 250, 5.0, 0, false), "scoring: 250 tokens  50 /s");
}

TEST(ProgressText, AtTheEndNothingIsLeft) {
  EXPECT_EQ(progress_text(tokens(10), 10, 5.0, 0, false), "scoring: 100 %  10 of 10 tokens  2 /s");
}

TEST(ProgressText, BarFillsInProportionAndNeverExceedsTheWidth) {
  const std::string half = progress_text(tokens(1000), 500, 5.0, 100, false);
  EXPECT_EQ(std::count(half.begin(), half.end(), '#'), std::count(half.begin(), half.end(), '.'));
  for (int width = 1; width < 120; ++width)
    EXPECT_LE(progress_text(tokens(1000), 999, 7.0, width, false).size(), static_cast<size_t>(width));
}

TEST(DurationText, GrowsFromSecondsToHours) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(60), "1:00");
  EXPECT_EQ(duration_text(125), "2:05");
  EXPECT_EQ(duration_text(3750), "1:02:30");
}

TEST(BytesText, HasThreeDigitsAcrossUnits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.00 kB");
  EXPECT_EQ(bytes_text(91'734'784), "91.7 MB");
  EXPECT_EQ(bytes_text(999'600), "1.00 MB");
  EXPECT_EQ(bytes_text(1.4e9), "1.40 GB");
  EXPECT_EQ(bytes_text(7.7e15), "7700 TB");
}

TEST(Progress, ShortWorkAndStyleNoneSayNothing) {
  testing::internal::CaptureStderr();
  {
    Progress bar({.title = "quick", .total = 10, .style = ProgressStyle::kBar});
    bar.update(5);
    Progress none({.title = "none", .total = 10, .style = ProgressStyle::kNone});
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    none.update(5);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, BarIsErasedWhenTheWorkEnds) {
  testing::internal::CaptureStderr();
  {
    Progress bar({.title = "slow", .total = 10, .style = ProgressStyle::kBar});
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    bar.update(5);
  }
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_EQ(shown.substr(0, 5), "\rslow");
  EXPECT_NE(shown.find(" 50 %"), shown.npos);
  EXPECT_EQ(shown.substr(shown.size() - 4), "\r\x1b[K");
}

TEST(Progress, MayBeUpdatedAndErasedFromManyThreads) {
  testing::internal::CaptureStderr();
  {
    Progress bar({.title = "shared", .total = 4000, .style = ProgressStyle::kBar});
    std::this_thread::sleep_for(std::chrono::milliseconds(310));  // past the silence: the next update draws
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int64_t done = 0; done < 1000; ++done) bar.update(done, 4000);
        erase_progress_bar();
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_EQ(shown.substr(0, 7), "\rshared");
  EXPECT_EQ(shown.substr(shown.size() - 4), "\r\x1b[K");
}

}  // namespace
}  // namespace orrery
