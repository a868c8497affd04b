// Gradients of weights, added up where they lie: a copy for autograd to add would be as large as the weight.
#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// What a backward function has for a float32 weight that learns. A leaf's own gradient is added to, so that autograd
/// is given nothing (its accumulator runs all the same, and hooks behind it); of any other tensor autograd gets the
/// sum.
class WeightGradient {
 public:
  explicit WeightGradient(const at::Tensor& weight)
      : weight_(weight), sum_(weight.is_leaf() ? weight.mutable_grad() : at::Tensor()) {}

  /// As the weight, float32 or bfloat16, contiguous.
  void add(const at::Tensor& gradient);
  /// d_yᵀ x of y = x Wᵀ: d_y [n, outputs] and x [n, inputs], both float32 or both bfloat16. Or of some of its outputs,
  /// those from row `first` of the weight on.
  void add_product(const at::Tensor& d_y, const at::Tensor& x, int64_t first = 0);
  /// Where rows of it may be added to; zero at first.
  const at::Tensor& sum();

  /// For autograd, when all has been added.
  at::Tensor returned() const;

 private:
  const at::Tensor weight_;
  at::Tensor sum_;
};

}  // namespace orrery::nn
