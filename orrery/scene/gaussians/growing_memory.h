// Memory that grows where it is.
#pragma once

#include <cstddef>

namespace orrery::scene {

/// Pages of its own. Growing moves the pages, not what is in them: a heap would need both at once, and keep the hole.
class GrowingMemory {
 public:
  GrowingMemory() = default;
  GrowingMemory(const GrowingMemory&) = delete;
  GrowingMemory& operator=(const GrowingMemory&) = delete;
  ~GrowingMemory();

  /// So many bytes at least. What was there stays, though data() may change; pages that come are 0 and take no memory
  /// until they are written to. Throws Error where the system has none left.
  void reserve(size_t bytes);
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace orrery::scene
