#include <algorithm>

#include "orrery/kernels/short_conv/short_conv.h"

namespace orrery::kernels {

void short_conv_reference(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride,
                          const float* before, int64_t before_stride, float* y, int64_t y_stride) {
  const int64_t past = filter.width - 1;
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t c = 0; c < filter.channels; ++c) {
      double sum = filter.bias[c];
      for (int64_t j = 0; j < filter.width; ++j) {
        const int64_t from = t + j - past;
        const float input = from < 0 ? before[(from + past) * before_stride + c] : x[from * x_stride + c];
        sum += static_cast<double>(filter.weight[j * filter.stride + c]) * input;
      }
      y[t * y_stride + c] = static_cast<float>(sum);
    }
  }
}

void short_conv_carry(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride, float* before,
                      int64_t before_stride) {
  const int64_t past = filter.width - 1;
  for (int64_t j = 0; j < past; ++j) {
    const int64_t from = tokens + j - past;  // a row that is read stands behind the one that is written
    const float* row = from < 0 ? before + (from + past) * before_stride : x + from * x_stride;
    std::copy_n(row, filter.channels, before + j * before_stride);
  }
}

}  // namespace orrery::kernels
