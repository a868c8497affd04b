#include "orrery/train/optimizer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "orrery/base/error.h"

namespace orrery::train {

Optimizer::Optimizer(NamedTensors parameters, const OptimizerOptions& options)
    : Optimizer(parameters, [&](const std::string& name) { return make_update_rule(parameters.at(name), options); }) {}

Optimizer::Optimizer(NamedTensors parameters, const RuleOf& rule_of) : parameters_(std::move(parameters)) {
  for (const auto& [name, tensor] : parameters_)
    if (auto rule = rule_of(name)) rules_[name] = std::move(rule);
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
    const auto rule = rules_.find(name);
    if (rule != rules_.end()) rule->second->update(step, tensor, tensor.grad().contiguous());
    tensor.mutable_grad() = at::Tensor();
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors all;
  for (const auto& [name, rule] : rules_) all.merge(named_state(name, *rule));
  return all;
}

NamedTensors named_state(const std::string& name, const UpdateRule& rule) {
  NamedTensors all;
  for (const auto& [state, tensor] : rule.state()) all[name + "." + state] = tensor;
  return all;
}

}  // namespace orrery::train
