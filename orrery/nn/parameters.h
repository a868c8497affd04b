// A model's weights by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "orrery/nn/layers.h"
#include "orrery/text/checkpoint.h"

namespace orrery::nn {

/// Leaf tensors in float32 that want gradients, under their canonical names (text::Checkpoint::tensor()).
class Parameters {
 public:
  /// Copies every tensor that the checkpoint's family has.
  explicit Parameters(const text::Checkpoint& checkpoint);

  /// Throws Error naming the tensor when there is none.
  const at::Tensor& at(const std::string& name) const;
  bool has(const std::string& name) const { return tensors_.contains(name); }
  const std::map<std::string, at::Tensor>& all() const { return tensors_; }

  /// PREFIX.weight and, where there is one, PREFIX.bias.
  Linear linear(const std::string& prefix) const;
  Norm norm(const std::string& prefix, text::NormKind kind, double eps, double offset = 0) const;

 private:
  std::string where_;
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace orrery::nn
