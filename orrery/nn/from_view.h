// Between tensors in files and tensors that learn.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

#include "orrery/base/tensor_view.h"

namespace orrery::nn {

/// A copy in float32; GGUF's blocks are dequantised. It is made in pieces of some rows on torch's threads, and
/// `has_read` called with each when it is done, from any of them. Throws Error for a type that holds no real numbers.
at::Tensor tensor_from_view(const TensorView& view, const std::function<void(const TensorView&)>& has_read = {});

/// The bytes of a contiguous CPU tensor (float32, bfloat16, float16 or int64), which must outlive the view.
TensorView view_from_tensor(const at::Tensor& tensor, std::string name);

}  // namespace orrery::nn
