#include "orrery/nn/layers.h"

#include "orrery/nn/block_linear.h"
#include "orrery/nn/from_view.h"
#include "orrery/nn/half_linear.h"
#include "orrery/nn/rms_norm.h"

namespace orrery::nn {

namespace {

at::Tensor row_lengths(const at::Tensor& matrix) { return at::linalg_vector_norm(matrix, 2, {1}); }

}  // namespace

at::Tensor Linear::dense_weight() const { return blocks ? tensor_from_view(*blocks) : weight; }

/// x Wᵀ + added, which may be undefined.
at::Tensor Linear::product(const at::Tensor& x, const at::Tensor& added) const {
  if (!blocks && !half) return at::linear(x, weight, added);
  const at::Tensor y = blocks ? block_linear(x, *blocks) : half_linear(x, weight, reads_kept);
  return added.defined() ? y + added : y;
}

/// W + scale·B A.
at::Tensor Linear::added_weight() const { return at::addmm(dense_weight(), adapter->b, adapter->a, 1, adapter->scale); }

at::Tensor Linear::merged_weight() const {
  if (!adapter || *adapter->off || !adapter->a.defined()) return dense_weight();
  const at::Tensor added = added_weight();
  if (!adapter->magnitude.defined()) return added;
  return added * (adapter->magnitude / row_lengths(added.detach())).unsqueeze(-1);
}

/// m/‖V‖ ⊙ x Vᵀ + b as PEFT computes it: ‖V‖ is a constant to the backward pass (Liu et al. 2024, sec. 4.3), which
/// saves most of its memory; and where values are dropped, x Wᵀ counts once with all of them and m/‖V‖ - 1 times
/// without.
at::Tensor Linear::decomposed(const at::Tensor& x) const {
  const at::Tensor lengths = [&] {
    const at::NoGradGuard constant;
    return row_lengths(added_weight());
  }();
  const at::Tensor factor = adapter->magnitude / lengths;
  const bool drops = adapter->dropout && adapter->dropout->on();
  const at::Tensor read = drops ? adapter->dropped(x) : x;
  const at::Tensor low_rank = factor * (adapter->scale * at::linear(at::linear(read, adapter->a), adapter->b));
  if (drops) return product(x, bias) + (factor - 1) * product(read, {}) + low_rank;
  const at::Tensor y = factor * product(x, {}) + low_rank;
  return bias.defined() ? y + bias : y;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (!adapter || *adapter->off) return product(x, bias);
  if (adapter->magnitude.defined()) return decomposed(x);
  at::Tensor y = product(adapter->input_scale.defined() ? x * adapter->input_scale : x, bias);
  if (adapter->a.defined())  // in place, for nothing keeps y for its gradient; and the scale is the small factor's
    y.addmm_(adapter->scale * at::linear(adapter->dropped(x), adapter->a), adapter->b.t());
  return adapter->bias.defined() ? y + adapter->scale * adapter->bias : y;
}

at::Tensor AdaptionPrompt::operator()(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                                      double scale) const {
  const at::Tensor groups = q.unflatten(1, at::IntArrayRef({keys.size(1), -1}));  // [n, kv_heads, group, head_dim]
  const at::Tensor shares = at::softmax(scale * at::einsum("nkgd,lkd->nkgl", {groups, keys}), -1);
  at::Tensor factor = tanh ? at::tanh(gate) : gate;
  if (new_gate.defined()) factor = factor * new_gate;
  return factor.unsqueeze(-1) * at::einsum("nkgl,lkd->nkgd", {shares, values}).flatten(1, 2);
}

at::Tensor Norm::scale() const { return offset == 0 ? weight : weight + offset; }

at::Tensor Norm::operator()(const at::Tensor& x) const {
  if (kind == text::NormKind::kLayer) return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  return rms_norm(x, scale(), eps);
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
