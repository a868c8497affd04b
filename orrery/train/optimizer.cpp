#include "orrery/train/optimizer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "orrery/base/error.h"

namespace orrery::train {

Optimizer::Optimizer(const NamedTensors& parameters, const OptimizerOptions& options) {
  for (const auto& [name, tensor] : parameters) {
    if (!tensor.requires_grad()) continue;
    parameters_[name] = tensor;
    rules_[name] = make_update_rule(tensor, options);
  }
}

double Optimizer::gradient_norm() const {
  double sum = 0;
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor.grad().defined()) continue;
    const double squares = tensor.grad().square().sum(at::kDouble).item<double>();
    if (!std::isfinite(squares))
      throw Error({.doing = "train",
                   .where = "the gradient of " + name,
                   .found = "a value that is not finite",
                   .expected = "finite numbers",
                   .advice = "a lower learning_rate or max_grad_norm may help"});
    sum += squares;
  }
  return std::sqrt(sum);
}

void Optimizer::step(const UpdateStep& step) {
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor.grad().defined()) continue;
    rules_.at(name)->update(step, tensor, tensor.grad().contiguous());
    tensor.mutable_grad() = at::Tensor();
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors all;
  for (const auto& [name, rule] : rules_)
    for (const auto& [state, tensor] : rule->state()) all[name + "." + state] = tensor;
  return all;
}

}  // namespace orrery::train
