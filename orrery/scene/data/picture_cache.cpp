#include "orrery/scene/data/picture_cache.h"

#include <algorithm>

namespace orrery::scene {

PictureCache::PictureCache(const Dataset& dataset, int64_t max_bytes)
    : dataset_(dataset), max_bytes_(max_bytes), worker_([this] { work(); }) {}

PictureCache::~PictureCache() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void PictureCache::will_need(std::span<const size_t> frames) {
  {
    const std::lock_guard lock(mutex_);
    ahead_.assign(frames.begin(), frames.end());
  }
  changed_.notify_all();
}

std::shared_ptr<const Picture> PictureCache::get(size_t frame) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto found = entries_.find(frame);
    if (found == entries_.end()) break;
    if (found->second.picture) {
      found->second.used = ++clock_;
      const auto picture = found->second.picture;
      take_from_ahead(frame);
      changed_.notify_all();  // the worker may drop an older one now
      return picture;
    }
    changed_.wait(lock);  // the worker is at it
  }
  take_from_ahead(frame);
  return decode(frame, lock, caller_pool_);
}

void PictureCache::take_from_ahead(size_t frame) {
  if (const auto found = std::ranges::find(ahead_, frame); found != ahead_.end()) ahead_.erase(found);
}

// Called and returns with the lock held; decodes without it.
std::shared_ptr<const Picture> PictureCache::decode(size_t frame, std::unique_lock<std::mutex>& lock,
                                                    ThreadPool& pool) {
  entries_[frame];
  lock.unlock();
  std::shared_ptr<const Picture> picture;
  try {
    picture = std::make_shared<const Picture>(load(dataset_, frame, pool));
  } catch (...) {
    lock.lock();
    entries_.erase(frame);
    changed_.notify_all();
    throw;
  }
  lock.lock();
  entries_[frame] = {picture, ++clock_};
  bytes_ += picture->bytes();
  ++decoded_;
  make_room(frame);
  changed_.notify_all();
  return picture;
}

/// Drops the pictures used longest ago until the bound holds.
void PictureCache::make_room(size_t keep) {
  while (bytes_ > max_bytes_) {
    auto oldest = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); ++at)
      if (at->second.picture && at->first != keep &&
          (oldest == entries_.end() || at->second.used < oldest->second.used))
        oldest = at;
    if (oldest == entries_.end()) return;  // one picture is larger than the bound
    bytes_ -= oldest->second.picture->bytes();
    entries_.erase(oldest);
  }
}

int64_t PictureCache::expected_bytes(size_t frame) const {
  const View& view = dataset_.frames[frame].view;
  return int64_t{4} * view.width * view.height;
}

/// Decoding ahead must not throw out what is needed before it.
bool PictureCache::has_room_ahead(size_t frame) const {
  int64_t needed = expected_bytes(frame);
  for (const size_t earlier : ahead_) {
    if (earlier == frame) break;
    if (const auto found = entries_.find(earlier); found != entries_.end() && found->second.picture)
      needed += found->second.picture->bytes();
  }
  return needed <= max_bytes_;
}

void PictureCache::work() {
  ThreadPool pool(1);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const auto next = std::ranges::find_if(ahead_, [&](size_t frame) { return !entries_.contains(frame); });
    if (next == ahead_.end() || !has_room_ahead(*next)) {
      changed_.wait(lock);
      continue;
    }
    const size_t frame = *next;
    try {
      decode(frame, lock, pool);
    } catch (const std::exception&) {
      std::erase(ahead_, frame);  // get() meets the same trouble and reports it
    }
  }
}

int64_t PictureCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

int64_t PictureCache::decoded() const {
  const std::lock_guard lock(mutex_);
  return decoded_;
}

}  // namespace orrery::scene
