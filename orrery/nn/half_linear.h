// Products in bfloat16 of weights that stay float32 (Micikevicius et al. 2018, "Mixed Precision Training", sec. 3.1).
#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// x Wᵀ with both rounded to bfloat16, float32 [n, outputs]. So are the gradient's products, with sums in float32; what
/// is kept for them is half as large as x, or x itself where `x_stays`: where others keep it anyway. x [n, inputs] and
/// weight [outputs, inputs] float32.
at::Tensor half_linear(const at::Tensor& x, const at::Tensor& weight, bool x_stays = false);

}  // namespace orrery::nn
