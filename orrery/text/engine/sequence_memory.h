// What a sequence holds of the caches.
#pragma once

#include <span>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/text/engine/kv_cache.h"

namespace orrery::text {

/// The pages of one sequence. With a window, those that no later token will look at are given back (a ring cache);
/// their place stays, with page -1.
class SequencePages {
 public:
  /// `window`: keys that the layer that sees furthest looks at; 0: all. The pages of the first `sinks` tokens stay.
  SequencePages(KvCache& cache, int64_t window, int64_t sinks = 0)
      : cache_(cache), window_(window), kept_((sinks + kernels::kPageTokens - 1) / kernels::kPageTokens) {}
  ~SequencePages() { release(); }
  SequencePages(SequencePages&&) = delete;

  std::span<const PageId> ids() const { return ids_; }
  int64_t count() const { return static_cast<int64_t>(ids_.size()); }
  int64_t held() const { return count() - dropped_; }
  /// Starts with pages that are already held.
  void adopt(std::vector<PageId> ids) { ids_ = std::move(ids); }
  /// Goes on with a page that is already held.
  void adopt(PageId page) { ids_.push_back(page); }
  /// Makes room for tokens [0, end).
  void grow(int64_t end);
  /// Gives back what a token at `position`, and those after it, do not see. The page before the first that is seen
  /// stays, for what is remembered is remembered by the page before.
  void drop_behind(int64_t position);
  /// Gives all back.
  void release();

 private:
  KvCache& cache_;
  const int64_t window_, kept_;
  std::vector<PageId> ids_;
  int64_t dropped_ = 0;  // pages given back, from kept_ on
};

/// Memory of one size for each sequence of a recurrent model. Reserved, touched as it is used.
class StateStore {
 public:
  StateStore(int64_t bytes, int64_t count);
  /// nullptr where a state has no bytes. There must be one left.
  std::byte* take();
  void release(std::byte* state);
  int64_t bytes() const { return static_cast<int64_t>(memory_.size()); }

 private:
  Buffer memory_;
  std::vector<std::byte*> free_;
};

}  // namespace orrery::text
