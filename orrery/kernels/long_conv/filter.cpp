#include <algorithm>
#include <bit>
#include <cassert>

#include "orrery/kernels/long_conv/long_conv.h"
#include "orrery/kernels/long_conv/spectrum.h"

namespace orrery::kernels {

LongFilter::LongFilter(int64_t channels, int64_t length) : channels_(channels), length_(length) {
  assert(channels > 0 && length > 0);
  // A tile of n serves outputs from n on: of no use where the filter is not longer than that.
  for (int64_t tile = kConvBlock; tile < length && tile <= kConvCached; tile *= 2) cached_tile_ = tile;
  const int64_t spectra = cached_tile_ == 0 ? 0 : 2 * (2 * cached_tile_ - kConvBlock);
  group_floats_ = (length + 1 + spectra) * kConvLanes;
  memory_ = Buffer(static_cast<size_t>(groups() * group_floats_) * sizeof(float));
}

void LongFilter::transform(int64_t group) {
  for (int64_t tile = kConvBlock; tile <= cached_tile_; tile *= 2)
    conv_spectrum(*this, group, tile, spectrum(group, tile));
}

int64_t conv_history_tokens(int64_t inputs, int64_t limit) {
  if (inputs <= kConvBlock) return std::min(kConvBlock, limit);
  return std::min(limit, 2 * static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(inputs - 1))));
}

}  // namespace orrery::kernels
