#include "orrery/nn/layers.h"

namespace orrery::nn {

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (!adapter || *adapter->off) return at::linear(x, weight, bias);
  const at::Tensor y = at::linear(adapter->input_scale.defined() ? x * adapter->input_scale : x, weight, bias);
  at::Tensor change = adapter->bias;
  if (adapter->a.defined()) {
    const at::Tensor low_rank = at::linear(at::linear(x, adapter->a), adapter->b);
    change = change.defined() ? low_rank + change : low_rank;
  }
  return change.defined() ? y + adapter->scale * change : y;
}

at::Tensor Norm::operator()(const at::Tensor& x) const {
  if (kind == text::NormKind::kLayer) return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  const at::Tensor factor = at::rsqrt(x.square().mean(-1, true) + eps);
  return x * factor * (offset == 0 ? weight : weight + offset);
}

at::Tensor activate(text::Activation activation, const at::Tensor& x) {
  switch (activation) {
    case text::Activation::kSilu:
      return at::silu(x);
    case text::Activation::kGelu:
      return at::gelu(x);
    case text::Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case text::Activation::kReluSquared:
      return at::relu(x).square();
  }
  return x;
}

}  // namespace orrery::nn
