// RWKV's recurrences with autograd, row by row from a fresh state. The equations are kernels/wkv's; this is their
// plain form, a few tensor operations per token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace orrery::nn {

/// k, v [n, channels]; decay (negative) and bonus [channels]. Returns [n, channels].
at::Tensor wkv4(const at::Tensor& k, const at::Tensor& v, const at::Tensor& decay, const at::Tensor& bonus,
                const std::vector<int64_t>& offsets);
/// r, k, v [n, heads, head_dim]; decay (multipliers) and bonus [heads, head_dim].
at::Tensor wkv5(const at::Tensor& r, const at::Tensor& k, const at::Tensor& v, const at::Tensor& decay,
                const at::Tensor& bonus, const std::vector<int64_t>& offsets);
/// All [n, heads, head_dim]; decay: multipliers, a: minus what is removed, b: that times the in-context learning rate.
at::Tensor wkv7(const at::Tensor& r, const at::Tensor& decay, const at::Tensor& k, const at::Tensor& v,
                const at::Tensor& a, const at::Tensor& b, const std::vector<int64_t>& offsets);

}  // namespace orrery::nn
