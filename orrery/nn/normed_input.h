#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "orrery/nn/layers.h"

namespace orrery::nn {

/// What the first products of a block read: norm(x), or a tensor as it is.
class NormedInput {
 public:
  NormedInput(at::Tensor value) : value_(std::move(value)) {}
  NormedInput(const Norm& norm, at::Tensor x) : norm_(&norm), x_(std::move(x)) {}

  /// Made when it is first asked for.
  const at::Tensor& value() const;

  /// Each linear's product of it. Those of matrices that learn, without adapters, are made together and leave the
  /// normalised input to be made again in the backward pass (normed_products.h).
  std::vector<at::Tensor> products(std::initializer_list<const Linear*> linears) const;

 private:
  const Norm* norm_ = nullptr;
  at::Tensor x_;
  mutable at::Tensor value_;
};

}  // namespace orrery::nn
