// Dropout (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting").
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace orrery::nn {

/// Zeros a value with probability p and divides the others by 1 - p. Draws come from streams with names, so a pass that
/// is computed again (activation checkpointing, a resumed run) leaves out the same values.
struct Dropout {
  double p = 0;
  uint64_t seed = 0;
  std::string pass;  ///< what the draws of this pass are named after; empty: nothing is left out

  bool on() const { return p > 0 && !pass.empty(); }
  /// x, float32, of the layer called `place`. The same on any number of threads.
  at::Tensor operator()(const at::Tensor& x, const std::string& place) const;
};

}  // namespace orrery::nn
