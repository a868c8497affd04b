#include "orrery/text/engine/norm.h"

#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/kernels/rms_norm/rms_norm.h"

namespace orrery::text {

void Norm::operator()(std::span<const float> x, std::span<float> y) const {
  if (kind == NormKind::kRms) return kernels::rms_norm(x, weight, eps, y);
  kernels::layer_norm(x, weight, bias, eps, y);
}

void Norm::heads(float* x, int64_t heads) const {
  for (int64_t head = 0; head < heads; ++head, x += weight.size()) {
    const std::span<float> values(x, weight.size());
    (*this)(values, values);
  }
}

}  // namespace orrery::text
