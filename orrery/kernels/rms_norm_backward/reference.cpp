#include <cmath>

#include "orrery/kernels/rms_norm_backward/rms_norm_backward.h"

namespace orrery::kernels {

void rms_norm_backward_reference(std::span<const float> x, std::span<const float> weight, float eps,
                                 std::span<const float> d_y, std::span<float> d_x, std::span<float> d_weight) {
  const auto size = static_cast<double>(x.size());
  double squares = 0, dot = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    squares += static_cast<double>(x[i]) * x[i];
    dot += static_cast<double>(d_y[i]) * weight[i] * x[i];
  }
  const double r = 1 / std::sqrt(squares / size + eps), along = r * r * dot / size;
  for (size_t i = 0; i < x.size(); ++i) {
    d_weight[i] = static_cast<float>(d_weight[i] + d_y[i] * x[i] * r);
    d_x[i] = static_cast<float>(r * (static_cast<double>(d_y[i]) * weight[i] - x[i] * along));
  }
}

}  // namespace orrery::kernels
