#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace orrery::nn {

/// silu(gate)·up (Shazeer 2020, SwiGLU). Float32, of one shape. One pass forward and one back; only the inputs are
/// kept.
at::Tensor silu_gate(const at::Tensor& gate, const at::Tensor& up);

/// The same of contiguous tensors without autograd, and the gradients of gate and up for that of the result.
at::Tensor silu_gate_values(const at::Tensor& gate, const at::Tensor& up);
std::pair<at::Tensor, at::Tensor> silu_gate_gradients(const at::Tensor& gate, const at::Tensor& up,
                                                      const at::Tensor& d_y);

}  // namespace orrery::nn
