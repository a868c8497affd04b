// A step of Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2) in one pass.
#pragma once

#include <span>

namespace orrery::kernels {

struct LionStep {
  double learning_rate = 1e-4, beta1 = 0.9, beta2 = 0.99, weight_decay = 0;
  double gradient_scale = 1;  ///< gradients are multiplied by it first (clipping)
};

/// For each i, with g = gradient_scale·gradient and sign(0) = 0:
///   p = (1 - lr·λ) p - lr·sign(β₁ m + (1 - β₁) g);  m = β₂ m + (1 - β₂) g
/// All of one length. 20 bytes move per value, about 8 operations each: memory is the limit. Values do not depend on
/// where a span is cut.
void lion(const LionStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m);

/// In plain loops, in float64 between loads and stores.
void lion_reference(const LionStep& step, std::span<float> parameters, std::span<const float> gradients,
                    std::span<float> m);

}  // namespace orrery::kernels
