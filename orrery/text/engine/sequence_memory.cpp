#include "orrery/text/engine/sequence_memory.h"

#include <algorithm>

namespace orrery::text {

using kernels::kPageTokens;

void SequencePages::grow(int64_t end) {
  if (cache_.page_count() == 0) return;
  while (count() * kPageTokens < end) ids_.push_back(cache_.take());
}

void SequencePages::drop_behind(int64_t position) {
  if (window_ == 0) return;
  const int64_t keep = std::min((position - window_ + 1) / kPageTokens - 1, count());
  for (; kept_ + dropped_ < keep; ++dropped_) {
    cache_.release(ids_[kept_ + dropped_]);
    ids_[kept_ + dropped_] = -1;
  }
}

// From last to first: what is released first is given away first.
void SequencePages::release() {
  for (auto page = ids_.rbegin(); page != ids_.rend(); ++page)
    if (*page >= 0) cache_.release(*page);
  ids_.clear();
  dropped_ = 0;
}

StateStore::StateStore(int64_t bytes, int64_t count) {
  if (bytes == 0) return;
  const int64_t stride = (bytes + 63) / 64 * 64;
  memory_ = Buffer(static_cast<size_t>(stride * count));
  for (int64_t i = count - 1; i >= 0; --i) free_.push_back(memory_.data() + i * stride);
}

std::byte* StateStore::take() {
  if (free_.empty()) return nullptr;
  std::byte* state = free_.back();
  free_.pop_back();
  return state;
}

void StateStore::release(std::byte* state) {
  if (state != nullptr) free_.push_back(state);
}

}  // namespace orrery::text
