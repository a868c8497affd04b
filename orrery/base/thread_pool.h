// The one pool of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace orrery {

/// Runs the chunks of a loop on all threads, the caller's among them, with no sleep between loops that follow each
/// other closely.
///
/// A chunk is claimed, not assigned, and a loop ends when its chunks are done, not when every thread has arrived: a
/// thread that the system has taken off its core delays nobody unless it holds a chunk. Waiting spins for a bounded
/// time, then yields, then parks in the kernel; a parked core is free for the thread that is being waited for.
///
/// run() must not be called from two threads at once, nor from inside a chunk.
class ThreadPool {
 public:
  /// threads >= 1, the caller's included; 0: one per core that this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// body(chunk, thread) for every chunk in [0, chunks), each exactly once, in any order; thread in [0, threads())
  /// names the thread that runs it (for scratch memory). The first exception of a chunk is rethrown when the loop has
  /// ended.
  template <class Body>
  void run(int64_t chunks, const Body& body) {
    if (chunks <= 0) return;
    if (chunks == 1 || workers_.empty()) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk, 0);
      return;
    }
    run_loop(
        chunks,
        [](const void* context, int64_t chunk, int thread) { (*static_cast<const Body*>(context))(chunk, thread); },
        &body);
  }

  /// body(first, last, thread) over pieces of [0, items) that are `grain` long (the last may be shorter), each item
  /// exactly once. Every thread walks a stretch of its own from its beginning, so that neighbouring pieces follow each
  /// other on one core (a stream of memory stays a stream), and helps out at the others' stretches when its own is
  /// done.
  template <class Body>
  void run_stretches(int64_t items, int64_t grain, const Body& body) {
    const int64_t pieces = (items + grain - 1) / grain, walkers = std::min<int64_t>(threads(), pieces);
    if (walkers <= 1) {
      if (items > 0) body(int64_t{0}, items, 0);
      return;
    }
    for (int64_t i = 0; i < walkers; ++i) stretches_[i].next.store(pieces * i / walkers, std::memory_order_relaxed);
    run(walkers, [&](int64_t own, int thread) {
      for (int64_t i = 0; i < walkers; ++i) {
        const int64_t stretch = (own + i) % walkers, end = pieces * (stretch + 1) / walkers;
        for (;;) {
          const int64_t piece = stretches_[stretch].next.fetch_add(1, std::memory_order_relaxed);
          if (piece >= end) break;
          body(piece * grain, std::min(items, (piece + 1) * grain), thread);
        }
      }
    });
  }

 private:
  using Call = void (*)(const void* body, int64_t chunk, int thread);

  void run_loop(int64_t chunks, Call call, const void* body);
  void work(int thread);
  bool claim_and_run(int thread);

  // Loop number in the upper half, chunks not yet claimed in the lower: claiming is one compare-and-swap, and a claim
  // that succeeds proves that the loop it belongs to is still the current one, so call_, body_ and chunks_ are its own.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<int64_t> pending_{0};  // chunks not yet finished
  Call call_ = nullptr;
  const void* body_ = nullptr;
  int64_t chunks_ = 0;
  uint32_t loop_ = 0;

  struct alignas(64) Stretch {
    std::atomic<int64_t> next{0};
  };
  std::vector<Stretch> stretches_;  // one per thread

  std::mutex mutex_;
  std::condition_variable work_came_, loop_ended_;
  std::atomic<int> parked_workers_{0};
  std::atomic<bool> caller_parked_{false};
  std::atomic<bool> stop_{false};
  std::exception_ptr failure_;  // guarded by mutex_
  std::vector<std::thread> workers_;
};

/// Cores that this process may use (its affinity mask).
int available_cores();

}  // namespace orrery
