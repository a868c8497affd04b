#include "orrery/text/engine/norm.h"

#include <cmath>

#include "orrery/kernels/rms_norm/rms_norm.h"

namespace orrery::text {

namespace {

void layer_norm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
                std::span<float> y) {
  float sum = 0, squares = 0;
  for (float value : x) sum += value;
  const float mean = sum / static_cast<float>(x.size());
  for (float value : x) squares += (value - mean) * (value - mean);
  const float scale = 1 / std::sqrt(squares / static_cast<float>(x.size()) + eps);
  for (size_t i = 0; i < x.size(); ++i) y[i] = (x[i] - mean) * scale * weight[i] + (bias.empty() ? 0 : bias[i]);
}

}  // namespace

void Norm::operator()(std::span<const float> x, std::span<float> y) const {
  if (kind == NormKind::kRms) return kernels::rms_norm(x, weight, eps, y);
  layer_norm(x, weight, bias, eps, y);
}

void Norm::heads(float* x, int64_t heads) const {
  for (int64_t head = 0; head < heads; ++head, x += weight.size()) {
    const std::span<float> values(x, weight.size());
    (*this)(values, values);
  }
}

}  // namespace orrery::text
