// Hyena layers (Poli et al. 2023, "Hyena Hierarchy"), in the names of HazyResearch/safari.
#pragma once

#include <vector>

#include "orrery/nn/blocks.h"
#include "orrery/nn/transformer.h"

namespace orrery::nn {

/// The operator with its two projections.
struct HyenaOperator {
  Linear in_proj, out_proj;
  at::Tensor short_weight, short_bias;  ///< [inputs, 1, taps], [inputs]
  std::vector<Linear> filter_layers;    ///< of the filter's network, the last without a bias
  at::Tensor freq, z, t, deltas;        ///< t and deltas with `modulate`
  at::Tensor long_bias;                 ///< [(order - 1)·d_model]

  /// PREFIX.in_proj.weight, …; t and deltas are no parameters and want no gradient from here on.
  HyenaOperator(const text::HyenaSpec& spec, const Parameters& parameters, const std::string& prefix);

  /// The first `length` taps of every filter, [length, (order - 1)·d_model].
  at::Tensor filter(const text::HyenaSpec& spec, int64_t length) const;
  /// One row u [length, d_model].
  at::Tensor operator()(const at::Tensor& u, const text::HyenaSpec& spec) const;
};

class Hyena final : public Blocks {
 public:
  Hyena(const text::DecoderSpec& spec, const Parameters& parameters);
  at::Tensor run(int64_t layer, const at::Tensor& x, const PackedRows& rows) override;

 private:
  struct Layer {
    Norm mixer_norm, mlp_norm;
    HyenaOperator mixer;
    FeedForward mlp;
  };

  const text::DecoderSpec& spec_;
  std::vector<Layer> layers_;
};

}  // namespace orrery::nn
