// The rotary embedding (Su et al. 2021) of packed rows.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/nn/packed_rows.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::nn {

/// A copy of x [n, heads, head_dim] whose pairs of dimensions, half the turned ones apart, are turned by angles; their
/// cos and sin [n, 1, dim / 2].
at::Tensor turned_halves(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

/// cos and sin of every token's angles, with the spec's scaling; constants to autograd.
class RotaryAngles {
 public:
  RotaryAngles(const text::RopeSpec& spec, const PackedRows& rows);
  /// x [n, heads, head_dim] with the first spec.dim dimensions of each head turned.
  at::Tensor turn(const at::Tensor& x) const;
  /// Whether turn() is turned_halves().
  bool are_of_halves() const { return spec_.dim > 0 && spec_.layout == text::RopeLayout::kHalf; }
  const at::Tensor& cos() const { return cos_; }
  const at::Tensor& sin() const { return sin_; }

 private:
  text::RopeSpec spec_;
  at::Tensor cos_, sin_;  // [n, 1, dim / 2]
};

}  // namespace orrery::nn
