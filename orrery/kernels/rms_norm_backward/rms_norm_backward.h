// What root mean square layer normalisation (Zhang & Sennrich 2019) gives back to its inputs.
#pragma once

#include <span>

namespace orrery::kernels {

/// For a row y = x·r·w (kernels::rms_norm), r = 1/√(mean(x²) + eps):
///   d_x = r·(d_y·w - x·r²·mean(d_y·w·x));  d_w += d_y·x·r
/// All of one length. r is computed again. Memory is no concern (a row lies in L1).
void rms_norm_backward(std::span<const float> x, std::span<const float> weight, float eps, std::span<const float> d_y,
                       std::span<float> d_x, std::span<float> d_weight);

/// The equations in plain loops, in double between loads and stores.
void rms_norm_backward_reference(std::span<const float> x, std::span<const float> weight, float eps,
                                 std::span<const float> d_y, std::span<float> d_x, std::span<float> d_weight);

}  // namespace orrery::kernels
