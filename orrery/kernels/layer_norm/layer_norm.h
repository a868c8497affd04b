// Layer normalisation (Ba et al. 2016).
#pragma once

#include <span>

namespace orrery::kernels {

/// y[i] = (x[i] - mean(x)) / sqrt(mean((x - mean(x))²) + eps) · weight[i] + bias[i]. All spans have one length, but an
/// empty bias is none; y may be x. Reads x three times; memory is no concern (a row lies in L1).
void layer_norm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
                std::span<float> y);

/// The equation in plain loops.
void layer_norm_reference(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
                          float eps, std::span<float> y);

}  // namespace orrery::kernels
