#include <cmath>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/rms_norm_backward/rms_norm_backward.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/rms_norm_backward/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void RmsNormBackward(std::span<const float> x, std::span<const float> weight, float eps, std::span<const float> d_y,
                     std::span<float> d_x, std::span<float> d_weight) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d), size = x.size();
  auto squares_of_lanes = hn::Zero(d), dots_of_lanes = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto v = hn::LoadU(d, x.data() + i);
    squares_of_lanes = hn::MulAdd(v, v, squares_of_lanes);
    const auto scaled = hn::Mul(hn::LoadU(d, d_y.data() + i), hn::LoadU(d, weight.data() + i));
    dots_of_lanes = hn::MulAdd(scaled, v, dots_of_lanes);
  }
  float squares = hn::GetLane(hn::SumOfLanes(d, squares_of_lanes)), dot = hn::GetLane(hn::SumOfLanes(d, dots_of_lanes));
  for (; i < size; ++i) squares += x[i] * x[i], dot += d_y[i] * weight[i] * x[i];
  const float r = 1.0f / std::sqrt(squares / static_cast<float>(size) + eps),
              along = r * r * dot / static_cast<float>(size);
  const auto factor = hn::Set(d, r), part = hn::Set(d, along);
  for (i = 0; i + lanes <= size; i += lanes) {
    const auto v = hn::LoadU(d, x.data() + i), dy = hn::LoadU(d, d_y.data() + i);
    const auto d_w = hn::MulAdd(dy, hn::Mul(v, factor), hn::LoadU(d, d_weight.data() + i));
    hn::StoreU(d_w, d, d_weight.data() + i);
    const auto across = hn::NegMulAdd(v, part, hn::Mul(dy, hn::LoadU(d, weight.data() + i)));
    hn::StoreU(hn::Mul(factor, across), d, d_x.data() + i);
  }
  for (; i < size; ++i) {
    d_weight[i] += d_y[i] * (x[i] * r);
    d_x[i] = r * (d_y[i] * weight[i] - x[i] * along);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(RmsNormBackward);

void rms_norm_backward(std::span<const float> x, std::span<const float> weight, float eps, std::span<const float> d_y,
                       std::span<float> d_x, std::span<float> d_weight) {
  if (isa() == Isa::kReference) return rms_norm_backward_reference(x, weight, eps, d_y, d_x, d_weight);
  HWY_DYNAMIC_DISPATCH(RmsNormBackward)(x, weight, eps, d_y, d_x, d_weight);
}

}  // namespace orrery::kernels
#endif
