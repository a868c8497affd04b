#include "orrery/nn/from_view.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "orrery/kernels/quantize/quantize.h"

namespace orrery::nn {

constexpr int64_t kPiece = 1 << 20;  // values

at::Tensor tensor_from_view(const TensorView& view, const std::function<void(const TensorView&)>& has_read) {
  at::Tensor tensor = at::empty(view.shape, at::kFloat);
  const int64_t columns = view.cols(), rows_of_piece = std::max<int64_t>(1, kPiece / std::max<int64_t>(1, columns));
  at::parallel_for(0, view.rows(), rows_of_piece, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; row += rows_of_piece) {
      TensorView piece = view;
      piece.shape = {std::min(rows_of_piece, last - row), columns};
      piece.data += bytes_of(view.dtype, row * columns);
      piece.bytes = bytes_of(view.dtype, piece.elements());
      kernels::dequantize(view.dtype, {piece.data, static_cast<size_t>(piece.bytes)},
                          {tensor.data_ptr<float>() + row * columns, static_cast<size_t>(piece.elements())});
      if (has_read) has_read(piece);
    }
  });
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
