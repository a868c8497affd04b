// Depthwise causal convolution of a few taps (torch.nn.Conv1d with groups = channels), token by token or many at once.
#pragma once

#include <cstdint>

namespace orrery::kernels {

/// Weights of `channels` neighbouring channels. weight [width, stride]: tap width - 1 meets the newest input; bias
/// [channels].
struct ShortFilter {
  int64_t width = 0, channels = 0, stride = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
};

/// y[t, c] = bias[c] + Σ_j weight[j, c] · x[t + j - (width - 1), c], where the inputs before this call's are
/// before [width - 1, before_stride], oldest first (zeros at a sequence's beginning). x [tokens, x_stride],
/// y [tokens, y_stride], not x. Reads `width` values per output, from L1 but for the first time.
void short_conv(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride, const float* before,
                int64_t before_stride, float* y, int64_t y_stride);
/// The equation in plain loops.
void short_conv_reference(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride,
                          const float* before, int64_t before_stride, float* y, int64_t y_stride);

/// before := the last width - 1 inputs after this call's tokens.
void short_conv_carry(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride, float* before,
                      int64_t before_stride);

}  // namespace orrery::kernels
