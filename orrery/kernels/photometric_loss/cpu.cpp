#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/photometric_loss/block.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/photometric_loss/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Pixel row y of the picture, from 10 pixels left of the block on; zeros past the border.
void LoadPixels(const Comparison& comparison, const Block& block, int y, BlockRows& rows) {
  const PhotometricInput& input = comparison.input;
  const int begin = block.x0 - 2 * kHalfWindow, end = block.x1 + 2 * kHalfWindow;
  const int first = std::max(begin, 0), last = std::min(end, input.width);
  std::fill_n(rows.image, kRowFloats, 0.f);
  std::fill_n(rows.target, kRowFloats, 0.f);
  const size_t at = (static_cast<size_t>(y) * input.width + first) * kChannels, to = (first - begin) * kChannels,
               size = (last - first) * kChannels;
  std::memcpy(rows.image + to, input.image.data() + at, size * sizeof(float));
  std::memcpy(rows.target + to, input.target.data() + at, size * sizeof(float));
  if (input.mask.empty()) return;
  const float* mask = input.mask.data() + at / kChannels;
  for (size_t i = 0; i < size; ++i) {
    float& image = rows.image[to + i];
    image = rows.target[to + i] + mask[i / kChannels] * (image - rows.target[to + i]);
  }
}

/// The window's first half and its middle, one weight per vector: it is symmetric.
struct Window {
  HWY_INLINE explicit Window(const Comparison& comparison) {
    for (int k = 0; k <= kHalfWindow; ++k) weights[k] = hn::Set(D(), comparison.window[k]);
  }
  V weights[kHalfWindow + 1];
};

/// to[i] = Σ_k window[k]·from[i + 3k].
HWY_INLINE void BlurAcross(const Window& window, const float* from, size_t size, float* to) {
  const D d;
  const auto load = [&](size_t i, int k) HWY_ATTR { return hn::LoadU(d, from + i + k * kChannels); };
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    V sum = hn::Mul(window.weights[kHalfWindow], load(i, kHalfWindow));
    for (int k = 0; k < kHalfWindow; ++k)
      sum = hn::MulAdd(window.weights[k], hn::Add(load(i, k), load(i, kWindow - 1 - k)), sum);
    hn::Store(sum, d, to + i);
  }
}

/// Row by row, from the topmost on, what a ring holds. `oldest` is that row's place.
template <size_t kKinds>
struct RingRows {
  RingRows(const float (&ring)[kRing][kKinds][kRowFloats], int oldest) {
    for (int k = 0; k < kRing; ++k) row[k] = ring[(oldest + k) % kRing];
  }
  const float (*row[kRing])[kRowFloats];
};

/// Σ over 11 rows at i, for both windows of rows that the ring holds.
template <size_t kKinds>
HWY_INLINE void BlurDown(const Window& window, const RingRows<kKinds>& rows, int kind, size_t i, V (&to)[kTogether]) {
  const D d;
  V values[kRing];
  for (int k = 0; k < kRing; ++k) values[k] = hn::Load(d, rows.row[k][kind] + i);
  for (int j = 0; j < kTogether; ++j) to[j] = hn::Mul(window.weights[kHalfWindow], values[j + kHalfWindow]);
  for (int k = 0; k < kHalfWindow; ++k)
    for (int j = 0; j < kTogether; ++j)
      to[j] = hn::MulAdd(window.weights[k], hn::Add(values[j + k], values[j + kWindow - 1 - k]), to[j]);
}

/// Pixel row y (outside the picture: zeros) goes into the ring, its four maps blurred across.
void AddPixelRow(const Comparison& comparison, const Block& block, int y, int place, BlockRows& rows) {
  const D d;
  auto& across = rows.maps_across[place];
  if (y < 0 || y >= comparison.input.height) {
    std::memset(across, 0, sizeof across);
    return;
  }
  LoadPixels(comparison, block, y, rows);
  for (size_t i = 0; i < kRowFloats; i += hn::Lanes(d)) {
    const V image = hn::Load(d, rows.image + i), target = hn::Load(d, rows.target + i);
    hn::Store(hn::MulAdd(image, image, hn::Mul(target, target)), d, rows.squares + i);
    hn::Store(hn::Mul(image, target), d, rows.product + i);
  }
  const size_t size = (block.x1 - block.x0 + 2 * kHalfWindow) * kChannels;
  const Window window(comparison);
  BlurAcross(window, rows.image, size, across[kMean1]);
  BlurAcross(window, rows.target, size, across[kMean2]);
  BlurAcross(window, rows.squares, size, across[kSquares]);
  BlurAcross(window, rows.product, size, across[kProduct]);
}

/// Each value's share in the mean of SSIM, from 5 pixels left of the block on; 0 where it has none.
void SetWeights(const Comparison& comparison, const Block& block, int y, float* weights) {
  const PhotometricInput& input = comparison.input;
  std::fill_n(weights, kRowFloats, 0.f);
  if (y < comparison.margin || y >= input.height - comparison.margin) return;
  const int begin = block.x0 - kHalfWindow, first = std::max(begin, comparison.margin),
            last = std::min(block.x1 + kHalfWindow, input.width - comparison.margin);
  for (int x = first; x < last; ++x) {
    const float mask = input.mask.empty() ? 1 : input.mask[static_cast<size_t>(y) * input.width + x];
    std::fill_n(weights + (x - begin) * kChannels, kChannels, comparison.per_window * mask);
  }
}

/// Similarity and its partial derivatives, of what the maps are at i in the row's j-th place.
HWY_INLINE void Compare(V m1, V m2, V of_squares, V of_product, int j, size_t i, BlockRows& rows) {
  const D d;
  const V c1 = hn::Set(d, static_cast<float>(kC1)), c2 = hn::Set(d, static_cast<float>(kC2)), one = hn::Set(d, 1.f);
  const V product = hn::Mul(m1, m2), squares = hn::MulAdd(m1, m1, hn::Mul(m2, m2));
  const V a1 = hn::Add(hn::Add(product, product), c1), covariance = hn::Sub(of_product, product),
          a2 = hn::Add(hn::Add(covariance, covariance), c2), b1 = hn::Add(squares, c1),
          b2 = hn::Add(hn::Sub(of_squares, squares), c2);
  const V per_b1 = hn::Div(one, b1), per_b2 = hn::Div(one, b2), per_both = hn::Mul(per_b1, per_b2);
  const V weight = hn::Load(d, rows.weights[j] + i), twice = hn::Add(weight, weight);
  const V similarity = hn::Mul(hn::Mul(a1, a2), per_both), weighted = hn::Mul(weight, similarity);
  const V by_mean =
      hn::MulAdd(hn::Mul(m2, hn::Sub(a2, a1)), per_both, hn::Mul(hn::Mul(m1, similarity), hn::Sub(per_b2, per_b1)));
  hn::Store(weighted, d, rows.similarity[j] + i);
  hn::Store(hn::Mul(twice, by_mean), d, rows.partials[j][kByMean1] + i);
  hn::Store(hn::Neg(hn::Mul(weighted, per_b2)), d, rows.partials[j][kBySquares] + i);
  hn::Store(hn::Mul(twice, hn::Mul(a1, per_both)), d, rows.partials[j][kByProduct] + i);
}

/// Σ values[first … last).
HWY_INLINE float SumOf(const float* values, size_t first, size_t last) {
  const D d;
  V sum = hn::Zero(d), some;
  for (size_t i = first; i < last; i += hn::Lanes(d)) {
    LoadRows<1>(d, values + i, std::min(last - i, hn::Lanes(d)), &some);
    sum = hn::Add(sum, some);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// Rows y and y + 1 of the similarity, from the 12 rows of maps around them: their part of the sum, and their partial
/// derivatives, blurred across, into their ring.
void AddMapRows(const Comparison& comparison, const Block& block, int y, int oldest, int place, BlockRows& rows,
                BlockSums& sums) {
  for (int j = 0; j < kTogether; ++j) SetWeights(comparison, block, y + j, rows.weights[j]);
  const size_t size = (block.x1 - block.x0 + 2 * kHalfWindow) * kChannels;
  const size_t first = kHalfWindow * kChannels, last = size - first;  // the block's own
  const Window window(comparison);
  const RingRows<kMaps> ring(rows.maps_across, oldest);
  for (size_t i = 0; i < size; i += hn::Lanes(D())) {
    V maps[kMaps][kTogether];
    for (int kind = 0; kind < kMaps; ++kind) BlurDown(window, ring, kind, i, maps[kind]);
    for (int j = 0; j < kTogether; ++j)
      Compare(maps[kMean1][j], maps[kMean2][j], maps[kSquares][j], maps[kProduct][j], j, i, rows);
  }
  for (int j = 0; j < kTogether; ++j) {
    if (y + j >= block.y0 && y + j < block.y1) sums.ssim += SumOf(rows.similarity[j], first, last);
    if (!comparison.gradient) continue;
    for (int kind = 0; kind < kPartials; ++kind)
      BlurAcross(window, rows.partials[j][kind], last - first, rows.partials_across[place + j][kind]);
  }
}

/// Three values a pixel, whatever the vector's width: every third vector has the same channels in its lanes.
struct Errors {
  HWY_INLINE Errors() : l1(hn::Zero(D())) {
    for (V& sum : squared) sum = l1;
  }
  HWY_INLINE void Add(V weight, V difference, size_t vector) {
    l1 = hn::MulAdd(weight, hn::Abs(difference), l1);
    V& sum = squared[vector % kChannels];
    sum = hn::MulAdd(hn::Mul(weight, difference), difference, sum);
  }
  void AddTo(BlockSums& sums) const {
    const D d;
    HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)];
    sums.l1 += hn::GetLane(hn::SumOfLanes(d, l1));
    for (size_t vector = 0; vector < kChannels; ++vector) {
      hn::Store(squared[vector], d, lanes);
      for (size_t lane = 0; lane < hn::Lanes(d); ++lane)
        sums.squared_error[(vector * hn::Lanes(d) + lane) % kChannels] += lanes[lane];
    }
  }

  V l1, squared[kChannels];
};

/// The mask of `count` values from a row's i-th on.
HWY_INLINE V MaskAt(const float* mask, size_t i, size_t count) {
  if (!mask) return hn::Set(D(), 1.f);
  HWY_ALIGN float weights[HWY_MAX_BYTES / sizeof(float)] = {};
  for (size_t lane = 0; lane < count; ++lane) weights[lane] = mask[(i + lane) / kChannels];
  return hn::Load(D(), weights);
}

/// L1 and squared error of the block's pixels in rows y and y + 1, and the gradient of all.
void FinishRows(const Comparison& comparison, const Block& block, int y, int oldest, BlockRows& rows, BlockSums& sums) {
  const PhotometricInput& input = comparison.input;
  const D d;
  const Window window(comparison);
  const RingRows<kPartials> ring(rows.partials_across, oldest);
  const V zero = hn::Zero(d), step = hn::Set(d, (1 - comparison.ssim_share) * comparison.per_pixel),
          share = hn::Set(d, comparison.ssim_share);
  const size_t size = (block.x1 - block.x0) * kChannels;
  const int count_of_rows = std::min(kTogether, block.y1 - y);
  Errors errors[kTogether];
  for (size_t i = 0, vector = 0; i < size; i += hn::Lanes(d), ++vector) {
    const size_t count = std::min(size - i, hn::Lanes(d));
    V partials[kPartials][kTogether];
    if (comparison.gradient)
      for (int kind = 0; kind < kPartials; ++kind) BlurDown(window, ring, kind, i, partials[kind]);
    for (int j = 0; j < count_of_rows; ++j) {
      const size_t pixel = static_cast<size_t>(y + j) * input.width + block.x0, at = pixel * kChannels + i;
      V ours, theirs;
      LoadRows<1>(d, input.image.data() + at, count, &ours);
      LoadRows<1>(d, input.target.data() + at, count, &theirs);
      const V weight = MaskAt(input.mask.empty() ? nullptr : input.mask.data() + pixel, i, count);
      errors[j].Add(weight, hn::Sub(ours, theirs), vector);
      if (!comparison.gradient) continue;
      if (!input.mask.empty()) ours = hn::MulAdd(weight, hn::Sub(ours, theirs), theirs);
      const V difference = hn::Sub(ours, theirs);
      const V d_l1 = hn::IfThenZeroElse(hn::Eq(difference, zero), hn::CopySign(step, difference));
      const V d_ssim = hn::MulAdd(hn::Add(ours, ours), partials[kBySquares][j],
                                  hn::MulAdd(theirs, partials[kByProduct][j], partials[kByMean1][j]));
      const V all = hn::Mul(weight, hn::NegMulAdd(share, d_ssim, d_l1));
      StoreRows<1>(d, &all, count, comparison.gradient + at);
    }
  }
  for (int j = 0; j < count_of_rows; ++j) errors[j].AddTo(sums);
}

/// Pixel rows flow in at the front, two by two; their maps follow five rows behind, the gradient five behind those.
void CompareBlock(const Comparison& comparison, const Block& block, BlockRows& rows, BlockSums& sums) {
  const int first = block.y0 - 2 * kHalfWindow, last = block.y1 + 2 * kHalfWindow;
  for (int y = first; y < last; y += kTogether) {
    const int place = (y - first) % kRing, oldest = (place + kTogether) % kRing;
    for (int j = 0; j < kTogether; ++j) AddPixelRow(comparison, block, y + j, place + j, rows);
    const int map_row = y - kHalfWindow;
    if (map_row < block.y0 - kHalfWindow) continue;
    const int map_place = (map_row - (block.y0 - kHalfWindow)) % kRing;
    AddMapRows(comparison, block, map_row, oldest, map_place, rows, sums);
    const int done = map_row - kHalfWindow;
    if (done >= block.y0) FinishRows(comparison, block, done, (map_place + kTogether) % kRing, rows, sums);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(CompareBlock);

PhotometricLoss photometric_loss(const PhotometricInput& input, const PhotometricOptions& options,
                                 std::span<float> gradient, ThreadPool& pool) {
  if (isa() == Isa::kReference) return photometric_loss_reference(input, options, gradient);
  check_size(input, options.border);
  const double whole = weight_inside(input, 0), inside = weight_inside(input, margin(options.border));
  Comparison comparison{.input = input,
                        .ssim_share = options.ssim_share,
                        .margin = margin(options.border),
                        .per_pixel = whole > 0 ? static_cast<float>(1 / (kChannels * whole)) : 0,
                        .per_window = inside > 0 ? static_cast<float>(1 / (kChannels * inside)) : 0,
                        .gradient = gradient.empty() ? nullptr : gradient.data()};
  std::ranges::copy(ssim_window(), comparison.window.begin());
  const int across = (input.width + kBlockColumns - 1) / kBlockColumns,
            down = (input.height + kBlockRows - 1) / kBlockRows;
  std::vector<BlockRows> rows(pool.threads());
  std::vector<BlockSums> sums(static_cast<size_t>(across) * down);
  pool.run(across * down, [&](int64_t i, int thread) {
    const int x = static_cast<int>(i % across) * kBlockColumns, y = static_cast<int>(i / across) * kBlockRows;
    const Block block{x, std::min(x + kBlockColumns, input.width), y, std::min(y + kBlockRows, input.height)};
    HWY_DYNAMIC_DISPATCH(CompareBlock)(comparison, block, rows[thread], sums[i]);
  });
  BlockSums all;
  for (const BlockSums& block : sums) {
    all.l1 += block.l1, all.ssim += block.ssim;
    for (int c = 0; c < kChannels; ++c) all.squared_error[c] += block.squared_error[c];
  }
  for (double& error : all.squared_error) error = whole > 0 ? error / whole : 0;
  if (inside <= 0) all.ssim = 1;  // nothing is compared, nothing differs
  return loss_of(options, whole > 0 ? all.l1 / (kChannels * whole) : 0, all.ssim, all.squared_error);
}

}  // namespace orrery::kernels
#endif
