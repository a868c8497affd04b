// Layers that more than one kind of model uses, each a struct of its weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>

#include "orrery/base/tensor_view.h"
#include "orrery/nn/dropout.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::nn {

/// What an adapter makes of x Wᵀ: (input_scale ⊙ x) Wᵀ + scale·(x Aᵀ Bᵀ + bias), or with a magnitude m
/// m/‖V‖ ⊙ x Vᵀ, V = W + scale·B A, norms over V's rows (text::LinearChange). Undefined tensors are left out.
struct LinearAdapter {
  at::Tensor a, b;         ///< [rank, inputs], [outputs, rank] (Hu et al. 2021, "LoRA")
  at::Tensor bias;         ///< [outputs]
  at::Tensor input_scale;  ///< [inputs]
  double scale = 1;
  std::shared_ptr<const bool> off;         ///< where true, it changes nothing
  at::Tensor magnitude;                    ///< [outputs] (Liu et al. 2024, "DoRA"); input_scale and bias are undefined
  std::shared_ptr<const Dropout> dropout;  ///< of what A reads; nullptr: none
  std::string name;                        ///< the layer's, which dropout's draws are named after

  at::Tensor dropped(const at::Tensor& x) const { return dropout ? (*dropout)(x, name) : x; }
};

/// x Wᵀ + b, W [outputs, inputs].
struct Linear {
  at::Tensor weight, bias;  ///< bias undefined: none
  std::optional<LinearAdapter> adapter;
  std::optional<TensorView> blocks;  ///< W as its file has it, in the place of weight
  bool half = false;                 ///< products in bfloat16 (half_linear.h)
  bool reads_kept = false;           ///< what it reads is kept for the backward pass by who made it

  bool defined() const { return weight.defined() || blocks; }
  /// Whether it is its matrix, which learns, and a bias: nothing that an adapter changes.
  bool learns_alone() const { return weight.defined() && weight.requires_grad() && (!adapter || *adapter->off); }
  /// Whether its products are numbers of bfloat16, though float32.
  bool gives_rounded() const { return half && learns_alone() && !bias.defined(); }
  /// W in float32.
  at::Tensor dense_weight() const;
  /// The W' that an adapter's pair, and magnitude, make of it; W where there is none. Norms are constants to autograd.
  at::Tensor merged_weight() const;
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor product(const at::Tensor& x, const at::Tensor& added) const;
  at::Tensor added_weight() const;
  at::Tensor decomposed(const at::Tensor& x) const;
};

/// What an adaption prompt adds to attention's outputs: g·softmax(scale·q (Wk P)ᵀ) (Wv P) for each head, its keys not
/// rotated (Zhang et al. 2023, "LLaMA-Adapter", sec. 3.2), g = tanh(gate)·new_gate.
struct AdaptionPrompt {
  at::Tensor prompt;    ///< P [length, hidden_size]; undefined: the layer has none
  at::Tensor gate;      ///< [heads]
  at::Tensor new_gate;  ///< [1], or undefined
  bool tanh = true;

  /// q [n, heads, head_dim], rotated; keys and values of P [length, kv_heads, head_dim].
  at::Tensor operator()(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values, double scale) const;
};

/// Over the last axis: RMS (Zhang and Sennrich 2019) or layer normalisation (Ba et al. 2016).
struct Norm {
  text::NormKind kind = text::NormKind::kRms;
  at::Tensor weight, bias;
  double eps = 1e-5;
  double offset = 0;  ///< added to the weights of an RMS norm (Gemma)

  /// An RMS norm's weights with their offset.
  at::Tensor scale() const;
  at::Tensor operator()(const at::Tensor& x) const;
};

at::Tensor activate(text::Activation activation, const at::Tensor& x);

}  // namespace orrery::nn
