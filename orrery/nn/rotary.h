// The rotary embedding (Su et al. 2021) of packed rows.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/nn/packed_rows.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::nn {

/// cos and sin of every token's angles, with the spec's scaling; constants to autograd.
class RotaryAngles {
 public:
  RotaryAngles(const text::RopeSpec& spec, const PackedRows& rows);
  /// x [n, heads, head_dim] with the first spec.dim dimensions of each head turned.
  at::Tensor turn(const at::Tensor& x) const;

 private:
  text::RopeSpec spec_;
  at::Tensor cos_, sin_;  // [n, 1, dim / 2]
};

}  // namespace orrery::nn
