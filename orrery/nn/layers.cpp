#include "orrery/nn/layers.h"

#include "orrery/nn/block_linear.h"
#include "orrery/nn/from_view.h"
#include "orrery/nn/half_linear.h"
#include "orrery/nn/rms_norm.h"

namespace orrery::nn {

at::Tensor Linear::dense_weight() const { return blocks ? tensor_from_view(*blocks) : weight; }

at::Tensor Linear::product(const at::Tensor& x) const {
  if (!blocks && !half) return at::linear(x, weight, bias);
  const at::Tensor y = blocks ? block_linear(x, *blocks) : half_linear(x, weight);
  return bias.defined() ? y + bias : y;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (!adapter || *adapter->off) return product(x);
  const at::Tensor y = product(adapter->input_scale.defined() ? x * adapter->input_scale : x);
  at::Tensor change = adapter->bias;
  if (adapter->a.defined()) {
    const at::Tensor low_rank = at::linear(at::linear(x, adapter->a), adapter->b);
    change = change.defined() ? low_rank + change : low_rank;
  }
  return change.defined() ? y + adapter->scale * change : y;
}

at::Tensor AdaptionPrompt::operator()(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                                      double scale) const {
  const at::Tensor groups = q.unflatten(1, at::IntArrayRef({keys.size(1), -1}));  // [n, kv_heads, group, head_dim]
  const at::Tensor shares = at::softmax(scale * at::einsum("nkgd,lkd->nkgl", {groups, keys}), -1);
  at::Tensor factor = tanh ? at::tanh(gate) : gate;
  if (new_gate.defined()) factor = factor * new_gate;
  return factor.unsqueeze(-1) * at::einsum("nkgl,lkd->nkgd", {shares, values}).flatten(1, 2);
}

at::Tensor Norm::operator()(const at::Tensor& x) const {
  if (kind == text::NormKind::kLayer) return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  return rms_norm(x, offset == 0 ? weight : weight + offset, eps);
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
