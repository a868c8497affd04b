#include "orrery/nn/gated_product.h"

#include <torch/csrc/autograd/custom_function.h>

#include "orrery/nn/silu_gate.h"
#include "orrery/nn/weight_gradient.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16); }

class GatedProduct : public torch::autograd::Function<GatedProduct> {
 public:
  static Variable forward(AutogradContext* context, const Variable& strided_gate, const Variable& strided_up,
                          const Variable& weight, bool half, bool are_rounded) {
    const at::Tensor gate = strided_gate.contiguous(), up = strided_up.contiguous(), read = silu_gate_values(gate, up);
    if (are_rounded)
      context->save_for_backward({rounded(gate), rounded(up), weight});
    else
      context->save_for_backward({gate, up, weight});
    context->saved_data["half"] = half;
    if (!half) return at::linear(read, weight);
    return at::linear(rounded(read), rounded(weight)).to(at::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gate = saved[0].to(at::kFloat), up = saved[1].to(at::kFloat), &weight = saved[2];
    const bool half = context->saved_data["half"].toBool();
    const at::Tensor d_y = half ? rounded(gradients[0]) : gradients[0];
    WeightGradient d_weight(weight);
    if (weight.requires_grad()) {
      const at::Tensor read = silu_gate_values(gate, up);
      d_weight.add_product(d_y, half ? rounded(read) : read);
    }
    const at::Tensor d_read = at::matmul(d_y, half ? rounded(weight) : weight).to(at::kFloat);
    const auto [d_gate, d_up] = silu_gate_gradients(gate, up, d_read);
    return {d_gate, d_up, d_weight.returned(), {}, {}};
  }
};

}  // namespace

at::Tensor gated_product(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& weight,
                         const GatedProductOptions& options) {
  return GatedProduct::apply(gate, up, weight, options.half, options.are_rounded);
}

}  // namespace orrery::nn
