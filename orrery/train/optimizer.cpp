#include "orrery/train/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"

namespace orrery::train {

Optimizer::Optimizer(NamedTensors parameters, const OptimizerOptions& options)
    : Optimizer(parameters, [&](const std::string& name) { return make_update_rule(parameters.at(name), options); }) {}

Optimizer::Optimizer(NamedTensors parameters, const RuleOf& rule_of) : parameters_(std::move(parameters)) {
  for (const auto& [name, tensor] : parameters_)
    if (auto rule = rule_of(name)) rules_[name] = std::move(rule);
}

namespace {

/// Piece by piece: squares of a large tensor at once would be as large.
double sum_of_squares(const at::Tensor& tensor) {
  constexpr int64_t kPiece = int64_t{1} << 20;
  const at::Tensor values = tensor.reshape(-1);
  double sum = 0;
  for (int64_t first = 0; first < values.numel(); first += kPiece)
    sum += values.narrow(0, first, std::min(kPiece, values.numel() - first)).square().sum(at::kDouble).item<double>();
  return sum;
}

}  // namespace

double Optimizer::gradient_norm() const {
  double sum = 0;
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor.grad().defined()) continue;
    const double squares = sum_of_squares(tensor.grad());
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
