#include "orrery/kernels/isa.h"
#include "orrery/kernels/short_conv/short_conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/short_conv/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// All tokens of channels [c, c + lanes of d).
template <class D>
void Column(D d, const ShortFilter& filter, int64_t c, int64_t tokens, const float* x, int64_t x_stride,
            const float* before, int64_t before_stride, float* y, int64_t y_stride) {
  const int64_t past = filter.width - 1;
  const auto bias = hn::LoadU(d, filter.bias + c);
  for (int64_t t = 0; t < tokens; ++t) {
    auto sum = bias;
    for (int64_t j = 0; j < filter.width; ++j) {
      const int64_t from = t + j - past;
      const float* input = from < 0 ? before + (from + past) * before_stride : x + from * x_stride;
      sum = hn::MulAdd(hn::LoadU(d, filter.weight + j * filter.stride + c), hn::LoadU(d, input + c), sum);
    }
    hn::StoreU(sum, d, y + t * y_stride + c);
  }
}

void ShortConv(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride, const float* before,
               int64_t before_stride, float* y, int64_t y_stride) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= filter.channels; c += lanes)
    Column(d, filter, c, tokens, x, x_stride, before, before_stride, y, y_stride);
  for (; c < filter.channels; ++c) Column(one, filter, c, tokens, x, x_stride, before, before_stride, y, y_stride);
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(ShortConv);

void short_conv(const ShortFilter& filter, int64_t tokens, const float* x, int64_t x_stride, const float* before,
                int64_t before_stride, float* y, int64_t y_stride) {
  if (isa() == Isa::kReference)
    return short_conv_reference(filter, tokens, x, x_stride, before, before_stride, y, y_stride);
  HWY_DYNAMIC_DISPATCH(ShortConv)(filter, tokens, x, x_stride, before, before_stride, y, y_stride);
}

}  // namespace orrery::kernels
#endif
