#include <cmath>

#include "orrery/kernels/silu_gate/silu_gate.h"

namespace orrery::kernels {

void silu_gate_backward_reference(std::span<const float> gate, std::span<const float> up, std::span<const float> d_y,
                                  std::span<float> d_gate, std::span<float> d_up) {
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = gate[i], u = up[i], d = d_y[i], s = 1 / (1 + std::exp(-g));
    d_up[i] = static_cast<float>(d * g * s);
    d_gate[i] = static_cast<float>(d * u * s * (1 + g * (1 - s)));
  }
}

}  // namespace orrery::kernels
