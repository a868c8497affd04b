#include "orrery/nn/block_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "orrery/kernels/quantize/quantize.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr int64_t kTile = 4 << 20;  // bytes of dequantised rows: a product with them hides what making them costs

/// f(first row, rows [count, inputs]) over the whole matrix.
template <class F>
void for_tiles(const TensorView& weight, const F& f) {
  const int64_t rows = weight.rows(), cols = weight.cols(), row_bytes = bytes_of(weight.dtype, cols);
  const int64_t at_once = std::clamp<int64_t>(kTile / (cols * int64_t{sizeof(float)}), 1, rows);
  const at::Tensor tile = at::empty({at_once, cols}, at::kFloat);
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t count = std::min(at_once, rows - first);
    at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
      kernels::dequantize(weight.dtype,
                          {weight.data + (first + begin) * row_bytes, static_cast<size_t>((end - begin) * row_bytes)},
                          {tile.data_ptr<float>() + begin * cols, static_cast<size_t>((end - begin) * cols)});
    });
    f(first, tile.narrow(0, 0, count));
  }
}

struct Held : torch::CustomClassHolder {
  explicit Held(const TensorView& view) : weight(view) {}
  TensorView weight;
};

class BlockLinear : public torch::autograd::Function<BlockLinear> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const c10::intrusive_ptr<Held>& held) {
    context->saved_data["weight"] = c10::IValue::make_capsule(held);
    const at::Tensor y = at::empty({x.size(0), held->weight.rows()}, x.options());
    for_tiles(held->weight, [&](int64_t first, const at::Tensor& rows) {
      y.narrow(1, first, rows.size(0)).copy_(at::matmul(x, rows.t()));
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(context->saved_data["weight"].toCapsule());
    const at::Tensor& d_y = gradients[0];
    at::Tensor d_x = at::zeros({d_y.size(0), held->weight.cols()}, d_y.options());
    for_tiles(held->weight,
              [&](int64_t first, const at::Tensor& rows) { d_x.addmm_(d_y.narrow(1, first, rows.size(0)), rows); });
    return {d_x, {}};
  }
};

}  // namespace

at::Tensor block_linear(const at::Tensor& x, const TensorView& weight) {
  return BlockLinear::apply(x, c10::make_intrusive<Held>(weight));
}

}  // namespace orrery::nn
