// A thread for what takes too long between two packets: templates, tokenizers, grammars, opening models.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace orrery::serve {

/// Tasks one after the other, in order. Those left at the end are dropped.
class Worker {
 public:
  Worker();
  ~Worker();
  Worker(const Worker&) = delete;

  /// From any thread. A task must not throw.
  void post(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace orrery::serve
