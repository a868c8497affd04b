// Activation functions, and the gated form that feed-forward layers have.
#pragma once

#include <cstdint>
#include <span>

namespace orrery::kernels {

enum class Activation {
  kSilu,      ///< x·sigmoid(x) (Elfwing et al. 2017; Ramachandran et al. 2017, "Swish")
  kGeluTanh,  ///< x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks & Gimpel 2016, "GELU", sec. 2)
  kGeluErf,   ///< x·Φ(x) = x/2·erfc(-x/√2), the same paper's exact form
  kRelu2,     ///< max(x, 0)² (So et al. 2021, "Primer")
  kSigmoid,   ///< 1/(1 + e^-x)
  kTanh,
};

/// y[i] = act(x[i]). One length; y may be x. Within 1e-6 of the value: exact is |error| <= 1e-6·|y| + 1e-9.
void activate(Activation activation, std::span<const float> x, std::span<float> y);

/// out[i] = act(gate[i])·up[i] (Shazeer 2020, "GLU Variants Improve Transformer"). One length; out may be gate or up.
void activate_gated(Activation activation, std::span<const float> gate, std::span<const float> up,
                    std::span<float> out);

/// The same where gate and up come in strips of 16, gate first: strips [2·n], out [n], n a multiple of 16. out may be
/// strips.
void activate_gated_strips(Activation activation, std::span<const float> strips, std::span<float> out);

/// What activate_gated does to `count` values, chosen once for this processor: for kernels that gate inside a loop.
using GateFunction = void (*)(const float* gate, const float* up, float* out, int64_t count);
GateFunction gate_function(Activation activation);

/// In plain loops, computed in double.
GateFunction gate_function_reference(Activation activation);
void activate_reference(Activation activation, std::span<const float> x, std::span<float> y);
void activate_gated_reference(Activation activation, std::span<const float> gate, std::span<const float> up,
                              std::span<float> out);

}  // namespace orrery::kernels
