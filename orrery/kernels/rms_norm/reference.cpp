#include <cmath>

#include "orrery/kernels/rms_norm/rms_norm.h"

namespace orrery::kernels {

void rms_norm_reference(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> y) {
  double squares = 0;
  for (float value : x) squares += static_cast<double>(value) * value;
  const auto factor = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(x.size()) + eps));
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * factor * weight[i];
}

}  // namespace orrery::kernels
