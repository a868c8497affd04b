// Root mean square layer normalisation (Zhang & Sennrich 2019).
#pragma once

#include <span>

namespace orrery::kernels {

/// y[i] = x[i] / sqrt(mean(x²) + eps) · weight[i]. All spans have one length; y may be x. Reads x twice; memory is no
/// concern (a row lies in L1).
void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> y);

/// The equation in plain loops.
void rms_norm_reference(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> y);

}  // namespace orrery::kernels
