#include "orrery/text/engine/stream.h"

#include <utility>

namespace orrery::text {

Stream::Stream() = default;
Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Stream::~Stream() { cancel(); }

bool Stream::next(StreamEvent& event) {
  if (!state_) return false;
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return !state_->events.empty() || state_->ended; });
  if (state_->events.empty()) return false;
  state_->take(event);
  return true;
}

bool Stream::poll(StreamEvent& event) {
  if (!state_) return false;
  std::lock_guard lock(state_->mutex);
  if (state_->events.empty()) return false;
  state_->take(event);
  return true;
}

void Stream::cancel() {
  if (state_) state_->cancelled.store(true, std::memory_order_relaxed);
}

RequestStats Stream::stats() const {
  if (!state_) return {};
  std::lock_guard lock(state_->mutex);
  return state_->stats;
}

std::string Stream::text() {
  std::string text;
  for (StreamEvent event; next(event);) text += event.text;
  return text;
}

}  // namespace orrery::text
