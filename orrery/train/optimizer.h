// The optimizer: an update rule per tensor that learns.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "orrery/train/update_rule.h"

namespace orrery::train {

/// Float32 on the CPU. Results do not depend on the number of threads.
class Optimizer {
 public:
  /// Of `parameters` those that want gradients.
  Optimizer(const NamedTensors& parameters, const OptimizerOptions& options);

  /// √Σ g² over all gradients, summed in float64 in the order of the names. Throws Error naming a tensor whose gradient
  /// is not finite.
  double gradient_norm() const;
  /// Then the gradients are gone.
  void step(const UpdateStep& step);

  const NamedTensors& parameters() const { return parameters_; }
  /// What its rules remember, as NAME.STATE ("lm_head.weight.m"): the very tensors, into which a resumed run writes.
  NamedTensors state() const;

 private:
  NamedTensors parameters_;
  std::map<std::string, std::unique_ptr<UpdateRule>> rules_;
};

}  // namespace orrery::train
