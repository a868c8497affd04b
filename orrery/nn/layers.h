// Layers that more than one kind of model uses, each a struct of its weights.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/text/decoder_spec.h"

namespace orrery::nn {

/// x Wᵀ + b, W [outputs, inputs].
struct Linear {
  at::Tensor weight, bias;  ///< bias undefined: none
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
