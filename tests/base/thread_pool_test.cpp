#include "orrery/base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <vector>

namespace orrery {
namespace {

TEST(ThreadPool, RunsEveryChunkOnceOnAnyNumberOfThreads) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 2000; ++round) {
      const int chunks = round % 23;
      std::vector<std::atomic<int>> runs(chunks + 1);
      pool.run(chunks, [&](int64_t chunk, int thread) {
        ASSERT_LT(thread, threads);
        runs[chunk].fetch_add(1, std::memory_order_relaxed);
      });
      for (int chunk = 0; chunk < chunks; ++chunk) ASSERT_EQ(runs[chunk].load(), 1) << "round " << round;
      ASSERT_EQ(runs[chunks].load(), 0);
    }
  }
}

TEST(ThreadPool, StretchesCoverEveryItemOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t items : {0, 1, 2, 7, 100, 1001}) {
      std::vector<std::atomic<int>> runs(items);
      pool.run_stretches(items, [&](int64_t first, int64_t last, int) {
        ASSERT_LT(first, last);
        for (int64_t i = first; i < last; ++i) runs[i].fetch_add(1, std::memory_order_relaxed);
      });
      for (auto& count : runs) ASSERT_EQ(count.load(), 1) << items << " items";
    }
  }
}

TEST(ThreadPool, WritesOfOneLoopAreSeenByTheNext) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64, 0);  // deliberately not atomic: the thread sanitizer is the judge
  for (int round = 1; round <= 500; ++round) {
    pool.run(64, [&](int64_t chunk, int) { values[chunk] += values[chunk] + 1 == round ? 1 : 1000; });
  }
  for (int64_t value : values) EXPECT_EQ(value, 500);
}

TEST(ThreadPool, WakesParkedWorkersAndAParkedCaller) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // past spinning and yielding
    std::atomic<int> done{0};
    pool.run(3, [&](int64_t chunk, int) {
      if (chunk == 2) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      done.fetch_add(1);
    });
    ASSERT_EQ(done.load(), 3);
  }
}

TEST(ThreadPool, RethrowsAChunksExceptionAfterTheLoopAndStaysUsable) {
  ThreadPool pool(3);
  std::atomic<int> ran{0};
  EXPECT_THROW(pool.run(50,
                        [&](int64_t chunk, int) {
                          ran.fetch_add(1);
                          if (chunk == 7) throw std::runtime_error("seven");
                        }),
               std::runtime_error);
  EXPECT_EQ(ran.load(), 50);
  pool.run(5, [&](int64_t, int) { ran.fetch_add(1); });
  EXPECT_EQ(ran.load(), 55);
}

}  // namespace
}  // namespace orrery
