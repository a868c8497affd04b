#include <algorithm>
#include <cmath>
#include <vector>

#include "orrery/kernels/implicit_filter/implicit_filter.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/implicit_filter/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// taps [rows, 16] = features [rows, width] · columns [width, 16], four rows at a time.
void MultiplyFeatures(const float* features, int64_t rows, int64_t width, const float* columns, float* taps) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t lane = 0; lane < 16; lane += lanes) {
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      const float* f = features + row * width;
      auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
      for (int64_t k = 0; k < width; ++k) {
        const auto column = hn::LoadU(d, columns + k * 16 + lane);
        sum0 = hn::MulAdd(hn::Set(d, f[k]), column, sum0);
        sum1 = hn::MulAdd(hn::Set(d, f[width + k]), column, sum1);
        sum2 = hn::MulAdd(hn::Set(d, f[2 * width + k]), column, sum2);
        sum3 = hn::MulAdd(hn::Set(d, f[3 * width + k]), column, sum3);
      }
      float* out = taps + row * 16 + lane;
      hn::StoreU(sum0, d, out), hn::StoreU(sum1, d, out + 16);
      hn::StoreU(sum2, d, out + 32), hn::StoreU(sum3, d, out + 48);
    }
    for (; row < rows; ++row) {
      auto sum = hn::Zero(d);
      for (int64_t k = 0; k < width; ++k)
        sum = hn::MulAdd(hn::Set(d, features[row * width + k]), hn::LoadU(d, columns + k * 16 + lane), sum);
      hn::StoreU(sum, d, taps + row * 16 + lane);
    }
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(MultiplyFeatures);

void filter_taps(const ImplicitFilter& filter, int64_t first, int64_t last, const float* features,
                 int64_t first_channel, int64_t channel_step, int64_t count, float* taps) {
  if (isa() == Isa::kReference)
    return filter_taps_reference(filter, first, last, features, first_channel, channel_step, count, taps);
  std::vector<float> columns(filter.width * 16);
  for (int64_t lane = 0; lane < count; ++lane)
    for (int64_t k = 0; k < filter.width; ++k)
      columns[k * 16 + lane] = filter.out[(first_channel + lane * channel_step) * filter.width + k];
  constexpr int64_t kRows = 64;
  float products[kRows * 16];
  for (int64_t t = first; t < last; t += kRows) {
    const int64_t rows = std::min(kRows, last - t);
    HWY_DYNAMIC_DISPATCH(MultiplyFeatures)
    (features + (t - first) * filter.width, rows, filter.width, columns.data(), products);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t lane = 0; lane < count; ++lane) {
        float tap = products[row * 16 + lane];
        if (filter.modulate) {
          const float delta = std::fabs(filter.deltas[first_channel + lane * channel_step]);
          tap *= std::exp(-filter.t[t + row] * delta) + filter.shift;
        }
        taps[(t - first + row) * 16 + lane] = tap;
      }
    }
  }
}

}  // namespace orrery::kernels
#endif
