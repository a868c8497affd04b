#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// x / √(mean(x²) + eps) · weight over the last axis (Zhang and Sennrich 2019). x [..., n], weight [n], float32. One
/// pass forward and one back; of the forward pass only x is kept.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace orrery::nn
