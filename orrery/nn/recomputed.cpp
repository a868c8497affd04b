#include "orrery/nn/recomputed.h"

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;
using Map = std::function<at::Tensor(const at::Tensor&)>;

struct Holder : torch::CustomClassHolder {
  explicit Holder(Map f) : map(std::move(f)) {}
  Map map;
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const c10::intrusive_ptr<Holder>& holder) {
    context->save_for_backward({x});
    context->saved_data["map"] = c10::IValue::make_capsule(holder);
    return holder->map(x);  // without gradients, as all of a custom function's forward
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto holder = c10::static_intrusive_pointer_cast<Holder>(context->saved_data["map"].toCapsule());
    const at::AutoGradMode with_gradients(true);
    const at::Tensor x = context->get_saved_variables()[0].detach().set_requires_grad(true);
    torch::autograd::backward({holder->map(x)}, {gradients[0]});
    return {x.grad(), {}};
  }
};

}  // namespace

at::Tensor recomputed(Map f, const at::Tensor& x) {
  return Recomputed::apply(x, c10::make_intrusive<Holder>(std::move(f)));
}

}  // namespace orrery::nn
