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

/// to[i] = Σ_k window[k]·from[i + 3k].
HWY_INLINE void BlurAcross(const std::array<float, kWindow>& window, const float* from, size_t size, float* to) {
  const D d;
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    V sum = hn::Mul(hn::Set(d, window[0]), hn::LoadU(d, from + i));
    for (int k = 1; k < kWindow; ++k)
      sum = hn::MulAdd(hn::Set(d, window[k]), hn::LoadU(d, from + i + k * kChannels), sum);
    hn::Store(sum, d, to + i);
  }
}

/// Σ over the last 11 rows of a ring, at i. `oldest` is the topmost row's place in the ring.
template <size_t kKinds>
HWY_INLINE V BlurDown(const std::array<float, kWindow>& window, const float (&ring)[kWindow][kKinds][kRowFloats],
                      int kind, int oldest, size_t i) {
  const D d;
  V sum = hn::Zero(d);
  int row = oldest;
  for (int k = 0; k < kWindow; ++k) {
    sum = hn::MulAdd(hn::Set(d, window[k]), hn::Load(d, ring[row][kind] + i), sum);
    if (++row == kWindow) row = 0;
  }
  return sum;
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
  BlurAcross(comparison.window, rows.image, size, across[kMean1]);
  BlurAcross(comparison.window, rows.target, size, across[kMean2]);
  BlurAcross(comparison.window, rows.squares, size, across[kSquares]);
  BlurAcross(comparison.window, rows.product, size, across[kProduct]);
}

/// Each value's share in the mean of SSIM, from 5 pixels left of the block on; 0 where it has none.
void SetWeights(const Comparison& comparison, const Block& block, int y, BlockRows& rows) {
  const PhotometricInput& input = comparison.input;
  const int begin = block.x0 - kHalfWindow, first = std::max(begin, comparison.margin),
            last = std::min(block.x1 + kHalfWindow, input.width - comparison.margin);
  std::fill_n(rows.weights, kRowFloats, 0.f);
  for (int x = first; x < last; ++x) {
    const float mask = input.mask.empty() ? 1 : input.mask[static_cast<size_t>(y) * input.width + x];
    std::fill_n(rows.weights + (x - begin) * kChannels, kChannels, comparison.per_window * mask);
  }
}

/// Row y of the similarity, from the 11 rows of maps around it: its part of the sum, and its partial derivatives,
/// blurred across, into their ring.
void AddMapRow(const Comparison& comparison, const Block& block, int y, int oldest, int place, BlockRows& rows,
               BlockSums& sums) {
  const D d;
  auto& across = rows.partials_across[place];
  if (y < comparison.margin || y >= comparison.input.height - comparison.margin) {
    std::memset(across, 0, sizeof across);
    return;
  }
  SetWeights(comparison, block, y, rows);
  const size_t size = (block.x1 - block.x0 + 2 * kHalfWindow) * kChannels;
  const size_t first = kHalfWindow * kChannels, last = size - first;  // the block's own
  const V c1 = hn::Set(d, static_cast<float>(kC1)), c2 = hn::Set(d, static_cast<float>(kC2)), one = hn::Set(d, 1.f);
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    const auto map = [&](Map kind) HWY_ATTR { return BlurDown(comparison.window, rows.maps_across, kind, oldest, i); };
    const V m1 = map(kMean1), m2 = map(kMean2), product = hn::Mul(m1, m2),
            squares = hn::MulAdd(m1, m1, hn::Mul(m2, m2));
    const V a1 = hn::Add(hn::Add(product, product), c1), covariance = hn::Sub(map(kProduct), product),
            a2 = hn::Add(hn::Add(covariance, covariance), c2), b1 = hn::Add(squares, c1),
            b2 = hn::Add(hn::Sub(map(kSquares), squares), c2);
    const V per_b1 = hn::Div(one, b1), per_b2 = hn::Div(one, b2), per_both = hn::Mul(per_b1, per_b2);
    const V weight = hn::Load(d, rows.weights + i), twice = hn::Add(weight, weight);
    const V similarity = hn::Mul(hn::Mul(a1, a2), per_both), weighted = hn::Mul(weight, similarity);
    const V by_mean =
        hn::MulAdd(hn::Mul(m2, hn::Sub(a2, a1)), per_both, hn::Mul(hn::Mul(m1, similarity), hn::Sub(per_b2, per_b1)));
    hn::Store(weighted, d, rows.squares + i);  // free until the next row of pixels
    hn::Store(hn::Mul(twice, by_mean), d, rows.partials[kByMean1] + i);
    hn::Store(hn::Neg(hn::Mul(weighted, per_b2)), d, rows.partials[kBySquares] + i);
    hn::Store(hn::Mul(twice, hn::Mul(a1, per_both)), d, rows.partials[kByProduct] + i);
  }
  if (y >= block.y0 && y < block.y1) {
    V sum = hn::Zero(d), some;
    for (size_t i = first; i < last; i += hn::Lanes(d)) {
      LoadRows<1>(d, rows.squares + i, std::min(last - i, hn::Lanes(d)), &some);
      sum = hn::Add(sum, some);
    }
    sums.ssim += hn::GetLane(hn::SumOfLanes(d, sum));
  }
  if (!comparison.gradient) return;
  for (int kind = 0; kind < kPartials; ++kind)
    BlurAcross(comparison.window, rows.partials[kind], last - first, across[kind]);
}

/// L1 and squared error of the block's pixels in row y, and the gradient of all.
void FinishRow(const Comparison& comparison, const Block& block, int y, int oldest, BlockRows& rows, BlockSums& sums) {
  const PhotometricInput& input = comparison.input;
  const D d;
  const size_t at = static_cast<size_t>(y) * input.width + block.x0, size = (block.x1 - block.x0) * kChannels;
  const float *image = input.image.data() + at * kChannels, *target = input.target.data() + at * kChannels;
  const float* mask = input.mask.empty() ? nullptr : input.mask.data() + at;
  float l1 = 0, squared[kChannels] = {};
  for (size_t i = 0; i < size; i += kChannels) {
    const float weight = mask ? mask[i / kChannels] : 1;
    for (int c = 0; c < kChannels; ++c) {
      const float difference = image[i + c] - target[i + c];
      l1 += weight * std::abs(difference);
      squared[c] += weight * difference * difference;
    }
  }
  sums.l1 += l1;
  for (int c = 0; c < kChannels; ++c) sums.squared_error[c] += squared[c];
  if (!comparison.gradient) return;

  float* gradient = comparison.gradient + at * kChannels;
  const V zero = hn::Zero(d), step = hn::Set(d, (1 - comparison.ssim_share) * comparison.per_pixel),
          share = hn::Set(d, comparison.ssim_share);
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    const size_t count = std::min(size - i, hn::Lanes(d));
    const auto partial = [&](Partial kind)
                             HWY_ATTR { return BlurDown(comparison.window, rows.partials_across, kind, oldest, i); };
    V ours, theirs, weight = hn::Set(d, 1.f);
    LoadRows<1>(d, image + i, count, &ours);
    LoadRows<1>(d, target + i, count, &theirs);
    if (mask) {
      HWY_ALIGN float weights[HWY_MAX_BYTES / sizeof(float)] = {};
      for (size_t lane = 0; lane < count; ++lane) weights[lane] = mask[(i + lane) / kChannels];
      weight = hn::Load(d, weights);
      ours = hn::MulAdd(weight, hn::Sub(ours, theirs), theirs);
    }
    const V difference = hn::Sub(ours, theirs);
    const V d_l1 = hn::IfThenZeroElse(hn::Eq(difference, zero), hn::CopySign(step, difference));
    const V d_ssim = hn::MulAdd(hn::Add(ours, ours), partial(kBySquares),
                                hn::MulAdd(theirs, partial(kByProduct), partial(kByMean1)));
    const V all = hn::Mul(weight, hn::NegMulAdd(share, d_ssim, d_l1));
    StoreRows<1>(d, &all, count, gradient + i);
  }
}

/// Pixel rows flow in at the front, their maps follow five rows behind, the gradient five behind those.
void CompareBlock(const Comparison& comparison, const Block& block, BlockRows& rows, BlockSums& sums) {
  const int first = block.y0 - 2 * kHalfWindow, last = block.y1 + 2 * kHalfWindow;
  for (int y = first; y < last; ++y) {
    const int place = (y - first) % kWindow, oldest = (place + 1) % kWindow;
    AddPixelRow(comparison, block, y, place, rows);
    const int map_row = y - kHalfWindow;
    if (map_row < block.y0 - kHalfWindow) continue;
    const int map_place = (map_row - (block.y0 - kHalfWindow)) % kWindow;
    AddMapRow(comparison, block, map_row, oldest, map_place, rows, sums);
    const int done = map_row - kHalfWindow;
    if (done >= block.y0) FinishRow(comparison, block, done, (map_place + 1) % kWindow, rows, sums);
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
