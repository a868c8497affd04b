#include "orrery/nn/embedding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "orrery/nn/weight_gradient.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

class Embedding : public torch::autograd::Function<Embedding> {
 public:
  static Variable forward(AutogradContext* context, const Variable& weight, const Variable& tokens) {
    context->save_for_backward({weight, tokens});
    return at::embedding(weight, tokens);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    WeightGradient d_weight(saved[0]);
    d_weight.sum().index_add_(0, saved[1], gradients[0]);
    return {d_weight.returned(), {}};
  }
};

}  // namespace

at::Tensor embedding_rows(const at::Tensor& weight, const at::Tensor& tokens) {
  return Embedding::apply(weight, tokens);
}

}  // namespace orrery::nn
