#include "orrery/nn/from_view.h"

#include <cassert>
#include <utility>

#include "orrery/kernels/quantize/quantize.h"

namespace orrery::nn {

at::Tensor tensor_from_view(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::kFloat);
  kernels::dequantize(view.dtype, {view.data, static_cast<size_t>(view.bytes)},
                      {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())});
  return tensor;
}

TensorView view_from_tensor(const at::Tensor& tensor, std::string name) {
  assert(tensor.is_contiguous() && tensor.device().is_cpu());
  const at::ScalarType type = tensor.scalar_type();
  assert(type == at::kFloat || type == at::kBFloat16 || type == at::kHalf || type == at::kLong);
  TensorView view{.name = std::move(name),
                  .dtype = type == at::kFloat      ? DType::kF32
                           : type == at::kBFloat16 ? DType::kBF16
                           : type == at::kHalf     ? DType::kF16
                                                   : DType::kI64,
                  .shape = tensor.sizes().vec()};
  view.data = static_cast<const std::byte*>(tensor.const_data_ptr());
  view.bytes = static_cast<int64_t>(tensor.nbytes());
  return view;
}

}  // namespace orrery::nn
