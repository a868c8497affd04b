// The one pool of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace orrery {

/// Memory that the next loop will read, `bytes` for each of `items`: a thread that waits for the others at the end of a
/// loop asks for the beginning of its next stretch meanwhile.
struct ReadAhead {
  const std::byte* memory = nullptr;
  int64_t items = 0, bytes = 0;
};

/// Runs the pieces of a loop on all threads, the caller's among them, with no sleep between loops that follow each
/// other closely.
///
/// A piece is claimed, not assigned, and a loop ends when its pieces are done, not when every thread has arrived: a
/// thread that the system has taken off its core delays nobody unless it holds a piece. Waiting spins for a bounded
/// time, then yields, then parks in the kernel; a parked core is free for the thread that is being waited for.
///
/// Between cores that share no cache a cache line takes 200 ns to travel, and a decoder runs 150 loops per token. So a
/// loop is announced in one line, each thread claims in a line of its own, and reports in another.
///
/// run() must not be called from two threads at once, nor from inside a piece.
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
        chunks, 1,
        [](const void* context, int64_t first, int64_t last, int thread) {
          for (int64_t chunk = first; chunk < last; ++chunk) (*static_cast<const Body*>(context))(chunk, thread);
        },
        &body);
  }

  /// body(first, last, thread) over ranges of [0, items), each item exactly once. Every thread walks a stretch of its
  /// own from its beginning, so that neighbouring items follow each other on one core (a stream of memory stays a
  /// stream), and helps out at the others' stretches when its own is done. It takes a quarter of what is left at once:
  /// a claim costs the loads that would run ahead of it, a late claim must be small.
  template <class Body>
  void run_stretches(int64_t items, const Body& body, const ReadAhead& ahead = {}) {
    if (items <= 1 || workers_.empty()) {
      if (items > 0) body(int64_t{0}, items, 0);
      return;
    }
    run_loop(
        items, threads(),
        [](const void* context, int64_t first, int64_t last, int thread) {
          (*static_cast<const Body*>(context))(first, last, thread);
        },
        &body, ahead);
  }

 private:
  using Call = void (*)(const void* body, int64_t first, int64_t last, int thread);

  // What the current loop is, as a sequence lock: `state` is odd while the caller writes, and counts loops. A thread
  // that comes late may read a loop that is over; its claims then fail.
  struct alignas(64) Announcement {
    std::atomic<uint64_t> state{0};
    std::atomic<Call> call{nullptr};
    std::atomic<const void*> body{nullptr};
    std::atomic<int64_t> pieces{0}, stretches{1};
    std::atomic<const std::byte*> ahead_memory{nullptr};
    std::atomic<int64_t> ahead_items{0}, ahead_bytes{0};
  };
  struct Loop {
    uint32_t number = 0;
    Call call = nullptr;
    const void* body = nullptr;
    int64_t pieces = 0, stretches = 1;
    ReadAhead ahead;
  };
  // Loop number in the upper half; in the lower the pieces claimed of this thread's stretch, or those it has done.
  struct alignas(64) Word {
    std::atomic<uint64_t> value{0};
  };

  void run_loop(int64_t pieces, int64_t stretches, Call call, const void* body, const ReadAhead& ahead = {});
  void work(int thread);
  bool find_loop(uint32_t after, Loop& loop) const;
  bool claim(const Loop& loop, int64_t stretch, int64_t& first, int64_t& last);
  int64_t walk(const Loop& loop, int thread);
  int64_t done_by_workers(uint32_t loop) const;

  Announcement announced_;
  std::vector<Word> claimed_;  // per stretch
  std::vector<Word> done_;     // per thread
  uint32_t loop_ = 0;          // the caller's

  std::mutex mutex_;
  std::condition_variable work_came_, loop_ended_;
  std::atomic<int> parked_workers_{0};
  std::atomic<bool> caller_parked_{false};
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  // guarded by mutex_
  std::vector<std::thread> workers_;
};

/// Cores that this process may use (its affinity mask).
int available_cores();

}  // namespace orrery
