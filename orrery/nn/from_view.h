// Between tensors in files and tensors that learn.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "orrery/base/tensor_view.h"

namespace orrery::nn {

/// A copy in float32; GGUF's blocks are dequantised. Throws Error for a type that holds no real numbers.
at::Tensor tensor_from_view(const TensorView& view);

/// The bytes of a contiguous CPU tensor (float32, bfloat16, float16 or int64), which must outlive the view.
TensorView view_from_tensor(const at::Tensor& tensor, std::string name);

}  // namespace orrery::nn
