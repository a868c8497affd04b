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

// Spins, then yields, until done() or the time is up; true if done() became true.
template <class Done>
bool wait_awake(std::chrono::microseconds spin, std::chrono::microseconds yield, const Done& done) {
  for (int i = 0; i < 64; ++i) {
    if (done()) return true;
    relax();
  }
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      relax();
    }
    const auto waited = Clock::now() - start;
    if (waited > spin + yield) return false;
    if (waited > spin) sched_yield();
  }
}

constexpr uint64_t kCountMask = 0xffffffffu;

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  stretches_ = std::vector<Stretch>(threads);
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

void ThreadPool::run_loop(int64_t chunks, Call call, const void* body) {
  call_ = call;
  body_ = body;
  chunks_ = chunks;
  pending_.store(chunks, std::memory_order_relaxed);
  ticket_.store(uint64_t{++loop_} << 32 | static_cast<uint64_t>(chunks), std::memory_order_seq_cst);
  if (parked_workers_.load(std::memory_order_seq_cst) > 0) {
    std::lock_guard lock(mutex_);
    work_came_.notify_all();
  }
  while (claim_and_run(0)) {
  }
  const auto done = [this] { return pending_.load(std::memory_order_acquire) == 0; };
  // No yielding here: the caller holds nothing that others wait for, and a core it parks on can take over the thread it
  // waits for.
  if (!wait_awake(kSpin, std::chrono::microseconds(0), done)) {
    std::unique_lock lock(mutex_);
    caller_parked_.store(true, std::memory_order_seq_cst);
    loop_ended_.wait(lock, [this] { return pending_.load(std::memory_order_seq_cst) == 0; });
    caller_parked_.store(false, std::memory_order_relaxed);
  }
  if (failure_) {
    std::exception_ptr failure;
    std::lock_guard lock(mutex_);
    std::swap(failure, failure_);
    std::rethrow_exception(failure);
  }
}

bool ThreadPool::claim_and_run(int thread) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if ((ticket & kCountMask) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire));
  const int64_t chunk = chunks_ - static_cast<int64_t>(ticket & kCountMask);
  try {
    call_(body_, chunk, thread);
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
  if (pending_.fetch_sub(1, std::memory_order_seq_cst) == 1 && caller_parked_.load(std::memory_order_seq_cst)) {
    std::lock_guard lock(mutex_);
    loop_ended_.notify_one();
  }
  return true;
}

void ThreadPool::work(int thread) {
  const auto has_work = [this] {
    return (ticket_.load(std::memory_order_acquire) & kCountMask) != 0 || stop_.load(std::memory_order_relaxed);
  };
  for (;;) {
    while (claim_and_run(thread)) {
    }
    if (stop_.load(std::memory_order_relaxed)) return;
    if (wait_awake(kSpin, kYield, has_work)) continue;
    std::unique_lock lock(mutex_);
    parked_workers_.fetch_add(1, std::memory_order_seq_cst);
    work_came_.wait(lock, [this] { return (ticket_.load(std::memory_order_seq_cst) & kCountMask) != 0 || stop_; });
    parked_workers_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace orrery
