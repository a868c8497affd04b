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

/// Piece by piece: squares of a large tensor at once would be as large. piece(first, count): of `size` values.
template <typename Piece>
double sum_of_squares(int64_t size, const Piece& piece) {
  constexpr int64_t kPieceSize = int64_t{1} << 20;
  double sum = 0;
  for (int64_t first = 0; first < size; first += kPieceSize)
    sum += piece(first, std::min(kPieceSize, size - first)).square().sum(at::kDouble).template item<double>();
  return sum;
}

}  // namespace

UpdateRule* Optimizer::own_gradient_of(const std::string& name) const {
  const auto rule = rules_.find(name);
  return rule != rules_.end() && rule->second->has_own_gradient() ? rule->second.get() : nullptr;
}

double Optimizer::sum_of_squares_of(const std::string& name, const at::Tensor& tensor) const {
  if (UpdateRule* rule = own_gradient_of(name))
    return sum_of_squares(tensor.numel(),
                          [&](int64_t first, int64_t count) { return rule->own_gradient(first, count); });
  if (!tensor.grad().defined()) return 0;
  const at::Tensor values = tensor.grad().reshape(-1);
  return sum_of_squares(values.numel(), [&](int64_t first, int64_t count) { return values.narrow(0, first, count); });
}

double Optimizer::gradient_norm() const {
  double sum = 0;
  for (const auto& [name, tensor] : parameters_) {
    const double squares = sum_of_squares_of(name, tensor);
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
  // First those that make their gradients: of parameters as they were, maybe.
  for (const auto& [name, tensor] : parameters_)
    if (UpdateRule* rule = own_gradient_of(name)) rule->update(step, tensor, {});
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
