// The transform of a filter, as LongFilter keeps it.
#pragma once

#include "orrery/kernels/long_conv/long_conv.h"

namespace orrery::kernels {

/// Writes spectrum [tile, re im, 16] of the filter's first 2 · tile taps (zeros behind its end), divided by `tile`.
void conv_spectrum(const LongFilter& filter, int64_t group, int64_t tile, float* spectrum);

}  // namespace orrery::kernels
