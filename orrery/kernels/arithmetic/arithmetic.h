// How fast this machine multiplies and adds: the ceiling of every kernel that computes more than it reads.
#pragma once

#include "orrery/base/thread_pool.h"

namespace orrery::kernels {

/// Float32 operations per second of the pool's threads together, a fused product and sum counting as two, on registers
/// alone with the widest vectors there are; the best of `passes`, because another process can only slow a pass down.
double arithmetic_rate(ThreadPool& pool, int passes = 5);

}  // namespace orrery::kernels
