// Rotary position embedding (Su et al. 2021, "RoFormer", eq. 34).
#pragma once

#include <cstdint>
#include <span>

namespace orrery::kernels {

/// Turns each of the heads of x [heads, head_dim] in place: for i < n = cos.size(), dimension i pairs with i + n (the
/// half-split layout; n is half the rotated dimensions) as (a, b) -> (a·cos - b·sin, b·cos + a·sin). cos and sin are
/// those of one position.
void rope(float* x, int64_t heads, int64_t head_dim, std::span<const float> cos, std::span<const float> sin);

/// The equation in plain loops.
void rope_reference(float* x, int64_t heads, int64_t head_dim, std::span<const float> cos, std::span<const float> sin);

}  // namespace orrery::kernels
