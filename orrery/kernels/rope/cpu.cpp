#include "orrery/kernels/isa.h"
#include "orrery/kernels/rope/rope.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/rope/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Rope(float* x, int64_t heads, int64_t head_dim, std::span<const float> cos, std::span<const float> sin) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), pairs = static_cast<int64_t>(cos.size());
  for (int64_t head = 0; head < heads; ++head, x += head_dim) {
    int64_t i = 0;
    for (; i + lanes <= pairs; i += lanes) {
      const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + pairs);
      const auto c = hn::LoadU(d, cos.data() + i), s = hn::LoadU(d, sin.data() + i);
      hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, x + i);
      hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, x + i + pairs);
    }
    for (; i < pairs; ++i) {
      const float a = x[i], b = x[i + pairs];
      x[i] = a * cos[i] - b * sin[i];
      x[i + pairs] = b * cos[i] + a * sin[i];
    }
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(Rope);

void rope(float* x, int64_t heads, int64_t head_dim, std::span<const float> cos, std::span<const float> sin) {
  if (isa() == Isa::kReference) return rope_reference(x, heads, head_dim, cos, sin);
  HWY_DYNAMIC_DISPATCH(Rope)(x, heads, head_dim, cos, sin);
}

}  // namespace orrery::kernels
#endif
