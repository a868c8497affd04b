// What a Stream and the engine's thread share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "orrery/text/engine/engine.h"

namespace orrery::text {

struct Stream::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<StreamEvent> events;  // guarded by mutex, as are the next two
  bool ended = false;              // the final event is in events, or has been taken
  RequestStats stats;
  std::atomic<bool> cancelled{false};
  std::atomic<int64_t> unread{0};
  std::function<void()> on_event;

  /// With the mutex held, and an event there.
  void take(StreamEvent& event) {
    event = std::move(events.front());
    events.pop_front();
    unread.fetch_sub(1, std::memory_order_relaxed);
  }

  void push(StreamEvent event) {
    const bool last = event.finish != FinishReason::kNone;
    {
      std::lock_guard lock(mutex);
      events.push_back(std::move(event));
      ended |= last;
    }
    unread.fetch_add(1, std::memory_order_relaxed);
    changed.notify_one();
    if (on_event) on_event();
  }
};

}  // namespace orrery::text
