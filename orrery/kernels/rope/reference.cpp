#include "orrery/kernels/rope/rope.h"

namespace orrery::kernels {

void rope_reference(float* x, int64_t heads, int64_t head_dim, std::span<const float> cos, std::span<const float> sin) {
  const auto pairs = static_cast<int64_t>(cos.size());
  for (int64_t head = 0; head < heads; ++head, x += head_dim) {
    for (int64_t i = 0; i < pairs; ++i) {
      const float a = x[i], b = x[i + pairs];
      x[i] = a * cos[i] - b * sin[i];
      x[i + pairs] = b * cos[i] + a * sin[i];
    }
  }
}

}  // namespace orrery::kernels
