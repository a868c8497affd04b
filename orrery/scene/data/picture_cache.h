// Pictures of a data set in bounded memory, decoded ahead of their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "orrery/scene/data/dataset.h"

namespace orrery::scene {

/// Keeps the pictures that were used last, up to a bound, and decodes those that will be needed next on a thread of its
/// own. A data set that fits is decoded once; of a larger one the bound holds, and each picture is decoded again when
/// its turn comes.
///
/// All members may be called from one thread at a time.
class PictureCache {
 public:
  /// The data set must outlive the cache. max_bytes bounds what the cache itself holds; pictures that somebody still
  /// uses are not freed under them.
  PictureCache(const Dataset& dataset, int64_t max_bytes);
  PictureCache(const PictureCache&) = delete;
  PictureCache& operator=(const PictureCache&) = delete;
  ~PictureCache();

  /// The frames that will be asked for next, in that order: replaces what was said before.
  void will_need(std::span<const size_t> frames);
  /// Waits where the picture is being decoded, decodes it where it is not. Throws what load() throws.
  std::shared_ptr<const Picture> get(size_t frame);

  int64_t bytes() const;    ///< held now
  int64_t decoded() const;  ///< pictures decoded since the beginning
  int64_t max_bytes() const { return max_bytes_; }

 private:
  struct Entry {
    std::shared_ptr<const Picture> picture;  // none while it is being decoded
    uint64_t used = 0;
  };

  void work();
  std::shared_ptr<const Picture> decode(size_t frame, std::unique_lock<std::mutex>& lock, ThreadPool& pool);
  void take_from_ahead(size_t frame);
  void make_room(size_t keep);
  int64_t expected_bytes(size_t frame) const;
  bool has_room_ahead(size_t frame) const;

  const Dataset& dataset_;
  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<size_t, Entry> entries_;  // guarded by mutex_, as all below
  std::deque<size_t> ahead_;
  int64_t bytes_ = 0, decoded_ = 0;
  uint64_t clock_ = 0;
  bool stop_ = false;
  ThreadPool caller_pool_{1};  // one thread each: the caller's pool is busy with training
  std::thread worker_;
};

}  // namespace orrery::scene
