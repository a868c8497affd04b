// How much each element's squared error counts in the searches of fit.h. Larger values count for more, since they do
// more in a dot product. Each function fills weights [n] and returns their sum; where that would be nothing, all
// weigh 1.
#pragma once

#include <cmath>

namespace orrery::kernels {

inline float mean_square(const float* x, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
  return static_cast<float>(sum / n);
}

inline float checked_sum(int n, float* weights) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += weights[i];
  if (sum > 0 && std::isfinite(sum)) return sum;
  for (int i = 0; i < n; ++i) weights[i] = 1;
  return static_cast<float>(n);
}

/// rms(x) + |x|.
inline float magnitude_weights(const float* x, int n, float* weights) {
  const float rms = std::sqrt(mean_square(x, n));
  for (int i = 0; i < n; ++i) weights[i] = rms + std::fabs(x[i]);
  return checked_sum(n, weights);
}

/// importance × √(surrounding + x²), where `surrounding` is of the size of x² nearby.
inline float importance_weights(const float* x, const float* importance, float surrounding, int n, float* weights) {
  for (int i = 0; i < n; ++i) weights[i] = importance[i] * std::sqrt(surrounding + x[i] * x[i]);
  return checked_sum(n, weights);
}

}  // namespace orrery::kernels
