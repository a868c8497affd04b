// How fast this machine reads memory: the ceiling of every kernel that streams weights.
#pragma once

#include <cstddef>

#include "orrery/base/thread_pool.h"

namespace orrery::kernels {

/// Bytes per second that the pool's threads read together: `bytes` on huge pages (base/buffer.h), far larger than the
/// caches, each thread streaming through chunks of its own with the widest loads it has; the best of `passes`, because
/// another process can only slow a pass down.
double read_bandwidth(ThreadPool& pool, size_t bytes = size_t{512} << 20, int passes = 5);

}  // namespace orrery::kernels
