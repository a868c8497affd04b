// Products with weights that stay in their file's blocks (Dettmers et al. 2023, "QLoRA", with GGUF's types in the place
// of NF4).
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/base/tensor_view.h"

namespace orrery::nn {

/// x Wᵀ, float32 [n, outputs], W [outputs, inputs] in any type of GGUF. W is dequantised some rows at a time, and again
/// in the backward pass; it gets no gradient. The view's bytes outlive that.
at::Tensor block_linear(const at::Tensor& x, const TensorView& weight);

}  // namespace orrery::nn
