// Products that read one normalised input, which is not kept for the backward pass but made again (a cheap piece of
// Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace orrery::nn {

/// rms_norm(x, norm_weight, eps) Wᵀ for each of one to three matrices W [outputs, inputs]: [n, outputs] each. x [n,
/// inputs]; all float32. half: products in bfloat16 as half_linear has them, the input rounded once for all. Of the
/// forward pass only x is kept.
std::vector<at::Tensor> normed_products(const at::Tensor& x, const at::Tensor& norm_weight, double eps,
                                        const std::vector<at::Tensor>& weights, bool half);

}  // namespace orrery::nn
