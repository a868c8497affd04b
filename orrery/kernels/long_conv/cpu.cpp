#include <algorithm>
#include <cstring>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/long_conv/long_conv.h"
#include "orrery/kernels/long_conv/spectrum.h"
#include "orrery/kernels/long_conv/transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/long_conv/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/long_conv/transform-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows `first` .. `last` of a block that begins at row `block`: the direct sum over the block. Taken four outputs at a
// time, each of which adds its inputs in the order of their positions, as it would alone.
void ConvolveBlock(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t first, int64_t last,
                   const float* x, float* y) {
  const hn::CappedTag<float, kConvLanes> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  float* const block = history.row(first / kConvBlock * kConvBlock);
  const int64_t begin = first % kConvBlock, end = begin + last - first;
  const bool waiting = first >= kConvBlock;  // no earlier block has written to the first
  for (int64_t lane = 0; lane < kConvLanes; lane += lanes) {
    const float* taps = filter.taps(group) + lane;
    const auto bias = hn::LoadU(d, filter.bias(group) + lane);
    const auto row = [&](int64_t t) HWY_ATTR { return block + t * kConvLanes + lane; };
    const auto begin_of = [&](int64_t t) HWY_ATTR { return waiting ? hn::LoadU(d, row(t)) : hn::Zero(d); };
    int64_t t = begin;
    for (; t + 4 <= end; t += 4) {
      const float* in = x + (t - begin) * kConvLanes + lane;
      auto sum0 = begin_of(t), sum1 = begin_of(t + 1), sum2 = begin_of(t + 2), sum3 = begin_of(t + 3);
      const auto x0 = hn::LoadU(d, in), x1 = hn::LoadU(d, in + kConvLanes);
      const auto x2 = hn::LoadU(d, in + 2 * kConvLanes), x3 = hn::LoadU(d, in + 3 * kConvLanes);
      hn::StoreU(x0, d, row(t)), hn::StoreU(x1, d, row(t + 1));
      hn::StoreU(x2, d, row(t + 2)), hn::StoreU(x3, d, row(t + 3));
      const auto tap = [&](int64_t i) HWY_ATTR { return hn::LoadU(d, taps + i * kConvLanes); };
      for (int64_t s = 0; s < t; ++s) {
        const auto input = hn::LoadU(d, row(s));
        sum0 = hn::MulAdd(input, tap(t - s), sum0);
        sum1 = hn::MulAdd(input, tap(t - s + 1), sum1);
        sum2 = hn::MulAdd(input, tap(t - s + 2), sum2);
        sum3 = hn::MulAdd(input, tap(t - s + 3), sum3);
      }
      const auto tap0 = tap(0), tap1 = tap(1), tap2 = tap(2), tap3 = tap(3);
      sum0 = hn::MulAdd(x0, tap0, sum0);
      sum1 = hn::MulAdd(x1, tap0, hn::MulAdd(x0, tap1, sum1));
      sum2 = hn::MulAdd(x2, tap0, hn::MulAdd(x1, tap1, hn::MulAdd(x0, tap2, sum2)));
      sum3 = hn::MulAdd(x3, tap0, hn::MulAdd(x2, tap1, hn::MulAdd(x1, tap2, hn::MulAdd(x0, tap3, sum3))));
      float* out = y + (t - begin) * kConvLanes + lane;
      hn::StoreU(hn::MulAdd(bias, x0, sum0), d, out);
      hn::StoreU(hn::MulAdd(bias, x1, sum1), d, out + kConvLanes);
      hn::StoreU(hn::MulAdd(bias, x2, sum2), d, out + 2 * kConvLanes);
      hn::StoreU(hn::MulAdd(bias, x3, sum3), d, out + 3 * kConvLanes);
    }
    for (; t < end; ++t) {
      auto sum = begin_of(t);
      const auto input = hn::LoadU(d, x + (t - begin) * kConvLanes + lane);
      hn::StoreU(input, d, row(t));
      for (int64_t s = 0; s <= t; ++s)
        sum = hn::MulAdd(hn::LoadU(d, row(s)), hn::LoadU(d, taps + (t - s) * kConvLanes), sum);
      hn::StoreU(hn::MulAdd(bias, input, sum), d, y + (t - begin) * kConvLanes + lane);
    }
  }
}

// The transform of the filter's first 2 · tile taps for `lanes` channels from `lane` on, divided by tile.
template <class D>
void TransformTaps(D d, const LongFilter& filter, int64_t group, int64_t lane, int64_t tile, float* points) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* taps = filter.taps(group) + lane;
  const auto factor = hn::Set(d, 1.0f / static_cast<float>(tile));
  for (int64_t t = 0; t < 2 * tile; ++t) {
    const auto tap = t < filter.length() ? hn::Mul(hn::LoadU(d, taps + t * kConvLanes), factor) : hn::Zero(d);
    hn::StoreU(tap, d, points + (t % tile * 2 + t / tile) * lanes);
  }
  Transform(d, points, tile, conv_roots(tile));
}

void ConvSpectrum(const LongFilter& filter, int64_t group, int64_t tile, float* spectrum) {
  const hn::CappedTag<float, kConvLanes> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  std::vector<float> points(2 * tile * lanes);
  for (int64_t lane = 0; lane < kConvLanes; lane += lanes) {
    TransformTaps(d, filter, group, lane, tile, points.data());
    for (int64_t i = 0; i < 2 * tile; ++i)
      std::memcpy(spectrum + i * kConvLanes + lane, points.data() + i * lanes, lanes * sizeof(float));
  }
}

// The inputs of rows [before - tile, before) into the outputs that wait in [before, before + tile), those before `from`
// left out.
void ConvolveTile(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t before, int64_t tile,
                  int64_t from, float* scratch) {
  const hn::CappedTag<float, kConvLanes> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t last = std::min({before + tile, history.tokens, filter.length()});
  if (from >= last) return;
  const float* roots = conv_roots(tile);
  for (int64_t lane = 0; lane < kConvLanes; lane += lanes) {
    for (int64_t t = 0; t < tile; t += kConvBlock) {
      const float* rows = history.row(before - tile + t) + lane;
      for (int64_t i = 0; i < kConvBlock; ++i)
        hn::StoreU(hn::LoadU(d, rows + i * kConvLanes), d, scratch + 2 * (t + i) * lanes);
    }
    TransformReal(d, scratch, tile, roots);
    if (tile <= filter.cached_tile()) {
      MultiplyPoints(d, filter.spectrum(group, tile) + lane, kConvLanes, scratch, tile);
    } else {
      float* taps = scratch + 2 * tile * lanes;
      TransformTaps(d, filter, group, lane, tile, taps);
      MultiplyPoints(d, taps, lanes, scratch, tile);
    }
    InverseImaginary(d, scratch, tile, roots);
    for (int64_t t = from; t < last; ++t) {
      float* out = history.row(t) + lane;
      auto sum = hn::LoadU(d, scratch + (2 * (t - before) + 1) * lanes);
      if (before != tile) sum = hn::Add(sum, hn::LoadU(d, out));  // else these rows are fresh
      hn::StoreU(sum, d, out);
    }
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(ConvolveBlock);
HWY_EXPORT(ConvolveTile);
HWY_EXPORT(ConvSpectrum);

int64_t long_conv_scratch(int64_t limit) {
  int64_t tile = kConvBlock;
  while (2 * tile < limit) tile *= 2;
  return 4 * tile * kConvLanes;
}

void conv_spectrum(const LongFilter& filter, int64_t group, int64_t tile, float* spectrum) {
  isa();  // decides which targets may run
  HWY_DYNAMIC_DISPATCH(ConvSpectrum)(filter, group, tile, spectrum);
}

void long_conv(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position, int64_t tokens,
               const float* x, float* y, float* scratch) {
  if (isa() == Isa::kReference) return long_conv_reference(filter, group, history, position, tokens, x, y);
  for (int64_t t = position, end = position + tokens; t < end;) {
    if (t > 0 && t % kConvBlock == 0) HWY_DYNAMIC_DISPATCH(ConvolveTile)(filter, group, history, t, t & -t, t, scratch);
    const int64_t next = std::min(end, t / kConvBlock * kConvBlock + kConvBlock), offset = (t - position) * kConvLanes;
    HWY_DYNAMIC_DISPATCH(ConvolveBlock)(filter, group, history, t, next, x + offset, y + offset);
    t = next;
  }
}

void long_conv_restore(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position,
                       float* scratch) {
  if (isa() == Isa::kReference) return;
  // The tiles that reach beyond `position`: those that end where its binary digits from some one on are cleared.
  for (int64_t tile = static_cast<int64_t>(1) << 40; tile >= kConvBlock; tile /= 2) {
    const int64_t before = position / tile * tile;
    if ((position & tile) == 0 || before == position) continue;
    HWY_DYNAMIC_DISPATCH(ConvolveTile)(filter, group, history, before, tile, position, scratch);
  }
}

}  // namespace orrery::kernels
#endif
