#include "orrery/nn/half_linear.h"

#include <torch/csrc/autograd/custom_function.h>

#include "orrery/nn/weight_gradient.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

at::Tensor half(const at::Tensor& x) { return x.to(at::kBFloat16); }

class HalfLinear : public torch::autograd::Function<HalfLinear> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& weight, bool x_stays) {
    const at::Tensor half_x = half(x);
    context->save_for_backward({!weight.requires_grad() ? at::Tensor() : x_stays ? x : half_x, weight});
    return at::linear(half_x, half(weight)).to(at::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor d_y = half(gradients[0]);
    at::Tensor d_x;
    WeightGradient d_weight(saved[1]);
    if (context->needs_input_grad(0)) d_x = at::matmul(d_y, half(saved[1])).to(at::kFloat);
    if (context->needs_input_grad(1)) d_weight.add_product(d_y, half(saved[0]));
    return {d_x, d_weight.returned(), {}};
  }
};

}  // namespace

at::Tensor half_linear(const at::Tensor& x, const at::Tensor& weight, bool x_stays) {
  return HalfLinear::apply(x, weight, x_stays);
}

}  // namespace orrery::nn
