// Layers that more than one kind of model uses, each a struct of its weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "orrery/text/decoder_spec.h"

namespace orrery::nn {

/// What an adapter makes of x Wᵀ: (input_scale ⊙ x) Wᵀ + scale·(x Aᵀ Bᵀ + bias) (text::LinearChange). Undefined tensors
/// are left out.
struct LinearAdapter {
  at::Tensor a, b;         ///< [rank, inputs], [outputs, rank] (Hu et al. 2021, "LoRA")
  at::Tensor bias;         ///< [outputs]
  at::Tensor input_scale;  ///< [inputs]
  double scale = 1;
  std::shared_ptr<const bool> off;  ///< where true, it changes nothing
};

/// x Wᵀ + b, W [outputs, inputs].
struct Linear {
  at::Tensor weight, bias;  ///< bias undefined: none
  std::optional<LinearAdapter> adapter;
  at::Tensor operator()(const at::Tensor& x) const;
};

/// Over the last axis: RMS (Zhang and Sennrich 2019) or layer normalisation (Ba et al. 2016).
struct Norm {
  text::NormKind kind = text::NormKind::kRms;
  at::Tensor weight, bias;
  double eps = 1e-5;
  double offset = 0;  ///< added to the weights of an RMS norm (Gemma)
  at::Tensor operator()(const at::Tensor& x) const;
};

at::Tensor activate(text::Activation activation, const at::Tensor& x);

}  // namespace orrery::nn
