#include <cmath>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/rms_norm/rms_norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/rms_norm/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void RmsNorm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> y) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d), size = x.size();
  auto even = hn::Zero(d), odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= size; i += 2 * lanes) {
    const auto a = hn::LoadU(d, x.data() + i), b = hn::LoadU(d, x.data() + i + lanes);
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  float squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < size; ++i) squares += x[i] * x[i];
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(size) + eps);
  const auto factors = hn::Set(d, factor);
  for (i = 0; i + lanes <= size; i += lanes) {
    const auto scaled = hn::Mul(hn::LoadU(d, x.data() + i), factors);
    hn::StoreU(hn::Mul(scaled, hn::LoadU(d, weight.data() + i)), d, y.data() + i);
  }
  for (; i < size; ++i) y[i] = x[i] * factor * weight[i];
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(RmsNorm);

void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, std::span<float> y) {
  if (isa() == Isa::kReference) return rms_norm_reference(x, weight, eps, y);
  HWY_DYNAMIC_DISPATCH(RmsNorm)(x, weight, eps, y);
}

}  // namespace orrery::kernels
#endif
