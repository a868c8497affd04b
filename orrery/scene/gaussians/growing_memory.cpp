#include "orrery/scene/gaussians/growing_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "orrery/base/error.h"

namespace orrery::scene {

GrowingMemory::~GrowingMemory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

void GrowingMemory::reserve(size_t bytes) {
  if (bytes <= bytes_) return;
  void* data = data_ == nullptr ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                : ::mremap(data_, bytes_, bytes, MREMAP_MAYMOVE);
  if (data == MAP_FAILED)
    throw Error({.doing = "make room for Gaussians",
                 .where = "memory",
                 .found = std::strerror(errno),
                 .expected = fmt::format("{} bytes in place of {}", bytes, bytes_),
                 .advice = "bound them with max_gaussians or memory"});
  data_ = data;
  bytes_ = bytes;
}

}  // namespace orrery::scene
