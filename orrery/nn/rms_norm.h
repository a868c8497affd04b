#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace orrery::nn {

/// x / √(mean(x²) + eps) · weight over the last axis (Zhang and Sennrich 2019). x [..., n], weight [n], float32. One
/// pass forward and one back; of the forward pass only x is kept.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// The same of contiguous x without autograd, and the gradients of x and the weights for that of the result.
at::Tensor rms_norm_values(const at::Tensor& x, const at::Tensor& weight, double eps);
std::pair<at::Tensor, at::Tensor> rms_norm_gradients(const at::Tensor& x, const at::Tensor& weight, double eps,
                                                     const at::Tensor& d_y);

}  // namespace orrery::nn
