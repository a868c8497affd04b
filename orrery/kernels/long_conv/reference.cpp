#include <algorithm>
#include <cstring>

#include "orrery/kernels/long_conv/long_conv.h"

namespace orrery::kernels {

void long_conv_reference(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position,
                         int64_t tokens, const float* x, float* y) {
  for (int64_t t = position; t < position + tokens; ++t) {
    const float* input = x + (t - position) * kConvLanes;
    std::memcpy(history.row(t), input, kConvLanes * sizeof(float));
    for (int64_t c = 0; c < kConvLanes; ++c) {
      double sum = static_cast<double>(filter.bias(group)[c]) * input[c];
      for (int64_t s = 0; s <= t; ++s)
        sum += static_cast<double>(history.row(s)[c]) * filter.taps(group)[(t - s) * kConvLanes + c];
      y[(t - position) * kConvLanes + c] = static_cast<float>(sum);
    }
  }
}

}  // namespace orrery::kernels
