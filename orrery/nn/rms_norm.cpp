#include "orrery/nn/rms_norm.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "orrery/kernels/rms_norm/rms_norm.h"
#include "orrery/kernels/rms_norm_backward/rms_norm_backward.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Gradients of the weights are summed within so many rows, then over these sums: the same for any number of threads.
constexpr int64_t kRows = 64;

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& maybe_strided, const Variable& weight, double eps) {
    const at::Tensor x = maybe_strided.contiguous();
    context->save_for_backward({x, weight});
    context->saved_data["eps"] = eps;
    return rms_norm_values(x, weight, eps);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [d_x, d_weight] =
        rms_norm_gradients(saved[0], saved[1], context->saved_data["eps"].toDouble(), gradients[0]);
    return {d_x, d_weight, {}};
  }
};

}  // namespace

at::Tensor rms_norm_values(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor y = at::empty_like(x);
  const auto size = static_cast<size_t>(weight.numel());
  const std::span<const float> w{weight.const_data_ptr<float>(), size};
  at::parallel_for(0, x.numel() / weight.numel(), kRows, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row)
      kernels::rms_norm({x.const_data_ptr<float>() + row * w.size(), size}, w, static_cast<float>(eps),
                        {y.data_ptr<float>() + row * w.size(), size});
  });
  return y;
}

std::pair<at::Tensor, at::Tensor> rms_norm_gradients(const at::Tensor& x, const at::Tensor& weight, double eps,
                                                     const at::Tensor& maybe_strided) {
  const at::Tensor d_y = maybe_strided.contiguous(), d_x = at::empty_like(x);
  const auto size = static_cast<size_t>(weight.numel());
  const int64_t rows = x.numel() / weight.numel(), sums = (rows + kRows - 1) / kRows;
  const at::Tensor d_weights = at::zeros({sums, weight.numel()}, weight.options());
  at::parallel_for(0, sums, 1, [&](int64_t first, int64_t last) {
    for (int64_t row = first * kRows; row < std::min(rows, last * kRows); ++row) {
      const auto of_row = [&](const at::Tensor& t) {
        return std::span<const float>(t.const_data_ptr<float>() + row * weight.numel(), size);
      };
      kernels::rms_norm_backward(of_row(x), {weight.const_data_ptr<float>(), size}, static_cast<float>(eps),
                                 of_row(d_y), {d_x.data_ptr<float>() + row * weight.numel(), size},
                                 {d_weights.data_ptr<float>() + row / kRows * weight.numel(), size});
    }
  });
  return {d_x, d_weights.sum(0)};
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNorm::apply(x, weight, eps);
}

}  // namespace orrery::nn
