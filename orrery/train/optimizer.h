// AdamW over named tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "orrery/train/options.h"

namespace orrery::train {

using NamedTensors = std::map<std::string, at::Tensor>;

/// kernels/adamw on every tensor, float32 on the CPU. Results do not depend on the number of threads.
class AdamW {
 public:
  /// Of `parameters` those that want gradients.
  AdamW(const NamedTensors& parameters, const OptimizerOptions& options);

  /// √Σ g² over all gradients, summed in float64 in the order of the names. Throws Error naming a tensor whose gradient
  /// is not finite.
  double gradient_norm() const;
  /// One step with the gradients times `gradient_scale`; then they are gone.
  void step(double learning_rate, double gradient_scale);

  int64_t steps() const { return steps_; }
  const NamedTensors& parameters() const { return parameters_; }
  /// "NAME.m" and "NAME.v", to be stored and given back.
  NamedTensors state() const;
  /// Throws Error naming a tensor that is missing or of another shape.
  void set_state(const NamedTensors& state, int64_t steps);

 private:
  struct Moments {
    at::Tensor m, v;
  };
  OptimizerOptions options_;
  NamedTensors parameters_;
  std::map<std::string, Moments> moments_;
  int64_t steps_ = 0;
};

}  // namespace orrery::train
