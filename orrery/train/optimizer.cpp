#include "orrery/train/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/train/pieces.h"

namespace orrery::train {

Optimizer::Optimizer(NamedTensors parameters, const OptimizerOptions& options)
    : Optimizer(parameters, [&](const std::string& name) { return make_update_rule(parameters.at(name), options); }) {}

Optimizer::Optimizer(NamedTensors parameters, const RuleOf& rule_of) : parameters_(std::move(parameters)) {
  for (const auto& [name, tensor] : parameters_)
    if (auto rule = rule_of(name)) rules_[name] = std::move(rule);
}

namespace {

/// In float64, the same on any number of threads.
double sum_of_squares(std::span<const float> values) {
  const auto size = static_cast<int64_t>(values.size());
  std::vector<double> of_pieces(static_cast<size_t>((size + kPiece - 1) / kPiece));
  for_pieces(size, [&](int64_t first, int64_t count) {
    std::array<double, 8> sums{};  // side by side, as a vector adds
    const std::span<const float> piece = values.subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    const size_t whole = piece.size() / sums.size() * sums.size();
    for (size_t i = 0; i < whole; i += sums.size())
      for (size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += double{piece[i + lane]} * piece[i + lane];
    for (size_t i = whole; i < piece.size(); ++i) sums[i - whole] += double{piece[i]} * piece[i];
    double& sum = of_pieces[static_cast<size_t>(first / kPiece)];
    for (const double of_lane : sums) sum += of_lane;
  });
  double sum = 0;
  for (const double of_piece : of_pieces) sum += of_piece;
  return sum;
}

}  // namespace

UpdateRule* Optimizer::own_gradient_of(const std::string& name) const {
  const auto rule = rules_.find(name);
  return rule != rules_.end() && rule->second->has_own_gradient() ? rule->second.get() : nullptr;
}

double Optimizer::sum_of_squares_of(const std::string& name, const at::Tensor& tensor) const {
  if (UpdateRule* rule = own_gradient_of(name)) {
    constexpr int64_t kAtOnce = 16 * kPiece;
    double sum = 0;
    for (int64_t first = 0; first < tensor.numel(); first += kAtOnce)
      sum += sum_of_squares(span_of<float>(rule->own_gradient(first, std::min(kAtOnce, tensor.numel() - first))));
    return sum;
  }
  if (!tensor.grad().defined()) return 0;
  return sum_of_squares(span_of<float>(tensor.grad().contiguous()));
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
