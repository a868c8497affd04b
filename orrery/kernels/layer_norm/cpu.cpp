#include <cmath>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/layer_norm/layer_norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/layer_norm/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The mean of f over x. f: of a vector, and of a number.
template <class F>
HWY_INLINE float mean_of(std::span<const float> x, const F& f) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V even = hn::Zero(d), odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= x.size(); i += 2 * lanes) {
    even = hn::Add(even, f(hn::LoadU(d, x.data() + i)));
    odd = hn::Add(odd, f(hn::LoadU(d, x.data() + i + lanes)));
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < x.size(); ++i) sum += hn::GetLane(f(hn::Set(d, x[i])));
  return sum / static_cast<float>(x.size());
}

// Two passes: the sum of squares less the square of the mean loses what they have in common.
void LayerNorm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
               std::span<float> y) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const float mean = mean_of(x, [](V v) HWY_ATTR { return v; });
  const V means = hn::Set(d, mean);
  const float variance = mean_of(x, [means](V v) HWY_ATTR {
    const V away = hn::Sub(v, means);
    return hn::Mul(away, away);
  });
  const float factor = 1.0f / std::sqrt(variance + eps);
  const V factors = hn::Set(d, factor);
  size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) {
    const V normal = hn::Mul(hn::Sub(hn::LoadU(d, x.data() + i), means), factors);
    const V shift = bias.empty() ? hn::Zero(d) : hn::LoadU(d, bias.data() + i);
    hn::StoreU(hn::MulAdd(normal, hn::LoadU(d, weight.data() + i), shift), d, y.data() + i);
  }
  for (; i < x.size(); ++i) y[i] = (x[i] - mean) * factor * weight[i] + (bias.empty() ? 0.0f : bias[i]);
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(LayerNorm);

void layer_norm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
                std::span<float> y) {
  if (isa() == Isa::kReference) return layer_norm_reference(x, weight, bias, eps, y);
  HWY_DYNAMIC_DISPATCH(LayerNorm)(x, weight, bias, eps, y);
}

}  // namespace orrery::kernels
#endif
