#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// silu(gate)·up (Shazeer 2020, SwiGLU). Float32, of one shape. One pass forward and one back; only the inputs are
/// kept.
at::Tensor silu_gate(const at::Tensor& gate, const at::Tensor& up);

}  // namespace orrery::nn
