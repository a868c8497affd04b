// Photos that were taken with other exposures and white balances than their neighbours.
#pragma once

#include <array>
#include <span>

#include "orrery/base/thread_pool.h"

namespace orrery::scene {

/// [3, 4] of a photo, as INRIA's program has it: a colour c becomes c[0]·E[0][k] + c[1]·E[1][k] + c[2]·E[2][k] +
/// E[k][3] in channel k.
using Exposure = std::span<const float, 12>;

/// image, exposed [pixels, 3].
void expose(Exposure exposure, std::span<const float> image, std::span<float> exposed, ThreadPool& pool);

/// `gradient` [pixels, 3]: of the exposed picture, then of `image`. Returns that of the twelve numbers, summed in
/// double in pieces of a fixed size, so that it is the same on any number of threads.
std::array<double, 12> expose_backward(Exposure exposure, std::span<const float> image, std::span<float> gradient,
                                       ThreadPool& pool);

}  // namespace orrery::scene
