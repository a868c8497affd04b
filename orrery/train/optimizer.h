// The optimizer: an update rule per tensor that learns.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "orrery/train/update_rule.h"

namespace orrery::train {

/// Float32 on the CPU. Results do not depend on the number of threads.
class Optimizer {
 public:
  using RuleOf = std::function<std::unique_ptr<UpdateRule>(const std::string& name)>;

  /// For `parameters`, which learn by options.optim.
  Optimizer(NamedTensors parameters, const OptimizerOptions& options);
  /// By rules of their own; those that have none are other processes' to update.
  Optimizer(NamedTensors parameters, const RuleOf& rule_of);

  /// √Σ g² over all gradients, rules' own among them, summed in float64 in the order of the names. Throws Error naming
  /// a tensor whose gradient is not finite.
  double gradient_norm() const;
  /// Then the gradients are gone.
  void step(const UpdateStep& step);

  const NamedTensors& parameters() const { return parameters_; }
  /// What its rules remember, as named_state: the very tensors, into which a resumed run writes.
  NamedTensors state() const;

 private:
  UpdateRule* own_gradient_of(const std::string& name) const;
  double sum_of_squares_of(const std::string& name, const at::Tensor& tensor) const;

  NamedTensors parameters_;
  std::map<std::string, std::unique_ptr<UpdateRule>> rules_;
};

/// A rule's state as NAME.STATE ("lm_head.weight.m").
NamedTensors named_state(const std::string& name, const UpdateRule& rule);
/// NAME of NAME.STATE.
inline std::string_view parameter_of(std::string_view state) { return state.substr(0, state.rfind('.')); }

}  // namespace orrery::train
