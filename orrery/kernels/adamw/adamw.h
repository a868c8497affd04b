// A step of AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2) in one pass.
#pragma once

#include <cstdint>
#include <span>

namespace orrery::kernels {

struct AdamWStep {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  double gradient_scale = 1;  ///< gradients are multiplied by it first (clipping)
  int64_t step = 1;           ///< from 1, for the bias corrections
};

/// For each i, with g = gradient_scale·gradient:
///   m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²
///   p = (1 - lr·λ) p - lr/(1 - β₁ᵗ) · m / (√(v/(1 - β₂ᵗ)) + ε)
/// All of one length. 28 bytes move per value, about 12 operations each: memory is the limit. Values do not depend on
/// where a span is cut.
void adamw(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m,
           std::span<float> v);

/// In plain loops, in float64 between loads and stores.
void adamw_reference(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                     std::span<float> m, std::span<float> v);

}  // namespace orrery::kernels
