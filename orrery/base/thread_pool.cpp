#include "orrery/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace orrery {
namespace {

using Clock = std::chrono::steady_clock;

// A layer's serial part (a norm, a quantisation) takes a microsecond or two, sampling a token up to a hundred: spin
// through the first, be polite through the second, and leave the core after that. Waking a parked thread costs 5 to 50
// us.
constexpr auto kSpin = std::chrono::microseconds(30);
constexpr auto kYield = std::chrono::microseconds(200);

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Asks for the memory of a thread's next stretch, a few lines at a time.
class Prefetch {
 public:
  Prefetch(const ReadAhead& ahead, int thread, int threads) {
    const int64_t first = ahead.items * thread / threads, last = ahead.items * (thread + 1) / threads;
    at_ = ahead.memory + first * ahead.bytes;
    end_ = at_ + std::min(kBytes, (last - first) * ahead.bytes);
  }
  void step() {
    for (int i = 0; i < 4 && at_ < end_; ++i, at_ += 64) __builtin_prefetch(at_, 0, 2);
  }

 private:
  // A wait of a microsecond is good for 16 to 32 KiB. More would push out what a loop needs.
  static constexpr int64_t kBytes = 48 << 10;
  const std::byte *at_, *end_;
};

// Spins, then yields, until done() or the time is up; true if done() became true.
template <class Done>
bool wait_awake(std::chrono::microseconds spin, std::chrono::microseconds yield, Prefetch ahead, const Done& done) {
  for (int i = 0; i < 64; ++i) {
    if (done()) return true;
    ahead.step();
    relax();
  }
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      ahead.step();
      relax();
    }
    const auto waited = Clock::now() - start;
    if (waited > spin + yield) return false;
    if (waited > spin) sched_yield();
  }
}

constexpr uint64_t word(uint32_t loop, int64_t count) { return uint64_t{loop} << 32 | static_cast<uint64_t>(count); }
constexpr uint32_t loop_of(uint64_t value) { return static_cast<uint32_t>(value >> 32); }
constexpr int64_t count_of(uint64_t value) { return static_cast<int64_t>(value & 0xffffffffu); }

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  claimed_ = std::vector<Word>(threads);
  done_ = std::vector<Word>(threads);
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_came_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_loop(int64_t pieces, int64_t stretches, Call call, const void* body, const ReadAhead& ahead) {
  const Loop loop{++loop_, call, body, pieces, std::min(stretches, pieces), ahead};
  announced_.state.store(2 * uint64_t{loop.number} - 1, std::memory_order_relaxed);
  announced_.call.store(call, std::memory_order_release);  // release: not before the line above
  announced_.body.store(body, std::memory_order_release);
  announced_.pieces.store(pieces, std::memory_order_release);
  announced_.stretches.store(loop.stretches, std::memory_order_release);
  announced_.ahead_memory.store(ahead.memory, std::memory_order_release);
  announced_.ahead_items.store(ahead.items, std::memory_order_release);
  announced_.ahead_bytes.store(ahead.bytes, std::memory_order_release);
  announced_.state.store(2 * uint64_t{loop.number}, std::memory_order_seq_cst);
  if (parked_workers_.load(std::memory_order_seq_cst) > 0) {
    std::lock_guard lock(mutex_);
    work_came_.notify_all();
  }
  const int64_t own = walk(loop, 0);
  const auto done = [&] { return own + done_by_workers(loop.number) == pieces; };
  // No yielding here: the caller holds nothing that others wait for, and a core it parks on can take over the thread it
  // waits for.
  if (!wait_awake(kSpin, std::chrono::microseconds(0), Prefetch(ahead, 0, threads()), done)) {
    std::unique_lock lock(mutex_);
    caller_parked_.store(true, std::memory_order_seq_cst);
    loop_ended_.wait(lock, done);
    caller_parked_.store(false, std::memory_order_relaxed);
  }
  if (failed_.load(std::memory_order_relaxed)) {
    std::exception_ptr failure;
    std::lock_guard lock(mutex_);
    std::swap(failure, failure_);
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(failure);
  }
}

// The current loop, if it is another than `after` and being announced no longer.
bool ThreadPool::find_loop(uint32_t after, Loop& loop) const {
  const uint64_t state = announced_.state.load(std::memory_order_seq_cst);
  if (state % 2 != 0 || state == 2 * uint64_t{after}) return false;
  const auto read = [](const auto& field) { return field.load(std::memory_order_acquire); };
  const Announcement& a = announced_;
  const Loop found{static_cast<uint32_t>(state / 2),
                   read(a.call),
                   read(a.body),
                   read(a.pieces),
                   read(a.stretches),
                   {read(a.ahead_memory), read(a.ahead_items), read(a.ahead_bytes)}};
  if (announced_.state.load(std::memory_order_relaxed) != state) return false;  // acquire above: not before them
  loop = found;
  return true;
}

// The next pieces of a stretch. That a claim succeeds proves that its loop is not over: the caller leaves only when all
// stretches are claimed to their ends and done.
bool ThreadPool::claim(const Loop& loop, int64_t stretch, int64_t& first, int64_t& last) {
  const int64_t begin = loop.pieces * stretch / loop.stretches, end = loop.pieces * (stretch + 1) / loop.stretches;
  std::atomic<uint64_t>& claimed = claimed_[stretch].value;
  uint64_t value = claimed.load(std::memory_order_acquire);
  for (;;) {
    // Loop numbers wrap around: later is a difference below half of them.
    const bool current = loop_of(value) == loop.number;
    if (!current && loop_of(value) - loop.number < 0x80000000u) return false;
    first = begin + (current ? count_of(value) : 0);
    if (first >= end) return false;
    last = first + (loop.stretches == 1 ? 1 : (end - first + 3) / 4);
    if (claimed.compare_exchange_weak(value, word(loop.number, last - begin), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      return true;
    }
  }
}

// Runs what can be claimed, a thread's own stretch first; the number of pieces done.
int64_t ThreadPool::walk(const Loop& loop, int thread) {
  int64_t done = 0, first, last;
  for (int64_t i = 0; i < loop.stretches; ++i) {
    const int64_t stretch = (thread + i) % loop.stretches;
    for (; claim(loop, stretch, first, last); done += last - first) {
      try {
        loop.call(loop.body, first, last, thread);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        failed_.store(true, std::memory_order_relaxed);
      }
    }
  }
  return done;
}

int64_t ThreadPool::done_by_workers(uint32_t loop) const {
  int64_t done = 0;
  for (size_t thread = 1; thread < done_.size(); ++thread) {
    const uint64_t value = done_[thread].value.load(std::memory_order_seq_cst);
    if (loop_of(value) == loop) done += count_of(value);
  }
  return done;
}

void ThreadPool::work(int thread) {
  const int threads = static_cast<int>(done_.size());  // workers_ still grows while the first of them run
  Loop loop;
  const auto has_work = [&] { return find_loop(loop.number, loop) || stop_.load(std::memory_order_relaxed); };
  for (;;) {
    if (!wait_awake(kSpin, kYield, Prefetch(loop.ahead, thread, threads), has_work)) {
      std::unique_lock lock(mutex_);
      parked_workers_.fetch_add(1, std::memory_order_seq_cst);
      work_came_.wait(lock, has_work);
      parked_workers_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (stop_.load(std::memory_order_relaxed)) return;
    const int64_t done = walk(loop, thread);
    if (done == 0) continue;
    done_[thread].value.store(word(loop.number, done), std::memory_order_seq_cst);
    if (caller_parked_.load(std::memory_order_seq_cst)) {
      std::lock_guard lock(mutex_);
      loop_ended_.notify_one();
    }
  }
}

}  // namespace orrery
