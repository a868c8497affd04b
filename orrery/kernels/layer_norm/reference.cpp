#include <cmath>

#include "orrery/kernels/layer_norm/layer_norm.h"

namespace orrery::kernels {

void layer_norm_reference(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
                          float eps, std::span<float> y) {
  const auto size = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (float value : x) mean += value / size;
  for (float value : x) variance += (value - mean) * (value - mean) / size;
  for (size_t i = 0; i < x.size(); ++i) {
    const double normal = (x[i] - mean) / std::sqrt(variance + eps);
    y[i] = static_cast<float>(normal * weight[i] + (bias.empty() ? 0.0f : bias[i]));
  }
}

}  // namespace orrery::kernels
