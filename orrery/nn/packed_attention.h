// Causal attention with autograd over packed rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "orrery/nn/packed_rows.h"
#include "orrery/nn/rotary.h"

namespace orrery::nn {

struct AttentionOptions {
  double scale = 1;    ///< of the scores
  int64_t window = 0;  ///< keys that a query sees, its own included; 0: all
  /// Of halves: q and k are turned by them first, and kept for the backward pass as they were. nullptr: nothing is.
  const RotaryAngles* angles = nullptr;
  bool are_rounded = false;  ///< q, k and v are numbers of bfloat16: kept as such, which loses nothing
};

/// softmax(scale·q kᵀ) v within each row and its branches, [n, heads, head_dim]; q as that, k and v [n, kv_heads,
/// head_dim], float32 on the CPU.  Memory is linear in n, forward and backward; the work is split by rows and key-value
/// heads, so results do not depend on the number of threads (kernels/packed_attention).
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedRows& rows,
                            const AttentionOptions& options);

}  // namespace orrery::nn
