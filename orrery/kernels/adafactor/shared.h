// The few scalars of a step, which both versions derive alike.
#pragma once

#include <algorithm>
#include <cmath>

#include "orrery/kernels/adafactor/adafactor.h"

namespace orrery::kernels {

inline constexpr double kAdafactorEps = 1e-30, kLeastScale = 1e-3;  // the paper's ε₁, ε₂

inline double second_moment_decay(const AdafactorStep& step) {
  return 1 - std::pow(static_cast<double>(step.step), step.decay_rate);
}

/// The rate, from Σ p² of `size` parameters.
inline double scaled_rate(const AdafactorStep& step, double squares, size_t size) {
  if (!step.scale_parameter) return step.learning_rate;
  return step.learning_rate * std::max(kLeastScale, std::sqrt(squares / static_cast<double>(size)));
}

/// What updates are divided by, from Σ u².
inline double clip_divisor(const AdafactorStep& step, double squares, size_t size) {
  return std::max(1.0, std::sqrt(squares / static_cast<double>(size)) / step.clip_threshold);
}

}  // namespace orrery::kernels
