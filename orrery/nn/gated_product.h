#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// How a gated product computes and what it keeps.
struct GatedProductOptions {
  bool half = false;         ///< the product in bfloat16, as half_linear has it
  bool are_rounded = false;  ///< gate and up hold values of bfloat16: kept as such, which is half as much
};

/// (silu(gate)·up) Wᵀ (Shazeer 2020, SwiGLU's second half), [n, outputs]. gate and up [n, inputs], W [outputs, inputs];
/// all float32. Only gate and up are kept for the backward pass, which makes what the product reads again.
at::Tensor gated_product(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& weight,
                         const GatedProductOptions& options);

}  // namespace orrery::nn
