// Which Gaussians the pixels of a tile see, front to back, for both directions. Included by cpu.cpp once for each
// instruction set.
#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_raster/frame.h"

#if defined(ORRERY_GAUSSIAN_WALK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_GAUSSIAN_WALK_INL_H
#undef ORRERY_GAUSSIAN_WALK_INL_H
#else
#define ORRERY_GAUSSIAN_WALK_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
using TileD = hn::CappedTag<float, kGaussianTile>;
using TileV = hn::Vec<TileD>;
using TileM = hn::Mask<TileD>;

constexpr int kPixels = kGaussianTile * kGaussianTile;
/// A block of pixels is one vector wide and so many rows high. Measured on a thread of a Zen 3 core whose other thread
/// is busy, with 5,249 Gaussians that give 80 weights to each of 800×595 pixels, both directions: 125 ms with rows
/// chosen one by one and an exponential in each, 116 in blocks of 4 rows with as many exponentials, 81 in blocks of 8
/// with two.
constexpr int kColumns = static_cast<int>(hn::MaxLanes(TileD())), kRows = 8;
/// Gaussians that are looked at together: with them and a tile's planes 12 KB, so that two threads share an L1.
constexpr int kBatch = 64;
constexpr float kLog2Faintest = -7.99435344f;  // of 1/255
/// Rows of a block before the one from which alpha goes on upwards and downwards.
constexpr int kMiddle = kRows / 2;
/// log2(alpha) in the middle of what is left out: from there a column reaches 1/255, -8, in no row. Where it does reach
/// it, its highest point is e ≤ √(8/c) rows past the block's end, c half the parabola's second difference; so in the
/// middle it is no lower than -c·(4 + e)²: -82 for c = 2.41, what the projection's low-pass of 0.3 pixels² lets pass.
constexpr float kDark = -84;
/// Clamps to log2 of a step: past the first, the middle is darker than kDark; past the other, the next row is than
/// 1/255.
constexpr float kSteepest = 32, kLeastStep = 1.f / 512;
constexpr float kSteps[kGaussianTile] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

HWY_INLINE TileV TileSet(float value) { return hn::Set(TileD(), value); }
/// Pixel centres from `first` on, in a tile's coordinates.
HWY_INLINE TileV Centres(int first) {
  return hn::Add(hn::LoadU(TileD(), kSteps), TileSet(static_cast<float>(first) + 0.5f));
}
HWY_INLINE TileV Clamp(TileV value, TileV least, TileV most) { return hn::Max(hn::Min(value, most), least); }

/// 2^t for |t| < 126, within 3e-7 of it: the whole part goes into the exponent; of the rest x (at most a half) a
/// polynomial interpolates (2^x - 1)/x at Chebyshev's nodes, so that a small x gives 1 but for the last digit.
HWY_INLINE TileV Exp2(TileV t) {
  const hn::RebindToSigned<TileD> di;
  const TileV round = TileSet(12582912.f);  // 1.5·2^23: adding it leaves the nearest whole number in the low bits
  const TileV shifted = hn::Add(t, round), rest = hn::Sub(t, hn::Sub(shifted, round));
  TileV p = TileSet(0.00133813021f);
  for (const float next : {0.00966636837f, 0.0555038117f, 0.240223497f, 0.693147182f, 1.f})
    p = hn::MulAdd(p, rest, TileSet(next));
  return hn::BitCast(TileD(), hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

/// T of a tile's pixels: T where a pixel goes on, -T where it has stopped.
struct TilePixels {
  HWY_ALIGN float transmittance[kPixels];

  /// Pixels past the image's edges have stopped before they begin.
  explicit TilePixels(const PixelBox& box) {
    const int columns = box.x1 - box.x0 + 1, rows = box.y1 - box.y0 + 1;
    for (int y = 0; y < kGaussianTile; ++y)
      for (int x = 0; x < kGaussianTile; ++x)
        transmittance[y * kGaussianTile + x] = x < columns && y < rows ? 1.f : -1.f;
  }
  bool going() const {
    return std::ranges::any_of(transmittance, [](float left) { return left > 0; });
  }
};

/// A tile's next Gaussians, gathered from wherever they lie, in the tile's coordinates: see Footprint.
struct Batch {
  HWY_ALIGN float x[kBatch], y[kBatch], u_x[kBatch], u_y[kBatch], v_y2[kBatch], log2_opacity[kBatch];
  /// Along a column of pixels log2(alpha) is a parabola: half of its second difference, and 2^ the whole.
  HWY_ALIGN float bend[kBatch], ratio[kBatch];
  /// Where u² + v_y²·dy² is least, as dx per dy and as dy per dx; what it may be at most.
  HWY_ALIGN float dx_per_dy[kBatch], dy_per_dx[kBatch], room[kBatch];
  int count = 0;

  void Load(const RasterMemory::Frame& frame, const PixelBox& box, const TileEntry* entries, int size) {
    count = size;
    const auto left = static_cast<float>(box.x0), top = static_cast<float>(box.y0);
    for (int n = 0; n < count; ++n) {
      const Footprint& footprint = frame.footprints[entries[n].rank];
      x[n] = footprint.x - left, y[n] = footprint.y - top;
      u_x[n] = footprint.u_x, u_y[n] = footprint.u_y, v_y2[n] = footprint.v_y2;
      log2_opacity[n] = footprint.log2_opacity, ratio[n] = footprint.ratio;
    }
    for (int n = count; n % kColumns != 0; ++n)  // nothing reaches nowhere
      x[n] = y[n] = u_y[n] = 0, u_x[n] = v_y2[n] = 1, log2_opacity[n] = kLog2Faintest - 1;
    for (int n = 0; n < count; n += kColumns) Derive(n);
  }

 private:
  void Derive(int n) {
    const TileD d;
    const TileV ux = hn::Load(d, u_x + n), uy = hn::Load(d, u_y + n);
    const TileV down = hn::MulAdd(uy, uy, hn::Load(d, v_y2 + n));
    hn::Store(hn::Neg(down), d, bend + n);
    hn::Store(hn::Neg(hn::Div(uy, ux)), d, dx_per_dy + n);
    hn::Store(hn::Neg(hn::Div(hn::Mul(ux, uy), down)), d, dy_per_dx + n);
    constexpr float kWider = 1e-2f;  // for roundings
    hn::Store(hn::Add(hn::Load(d, log2_opacity + n), TileSet(kWider - kLog2Faintest)), d, room + n);
  }
};

/// Those of a batch whose ellipse (alpha ≥ 1/255) reaches a block, in their order: u² + v_y²·dy² is least on the block
/// where it is least on the row or the column of it that is nearest to the mean. Returns how many.
HWY_INLINE int ListBlock(const Batch& batch, int x, int y, int32_t* list) {
  const TileD d;
  const hn::RebindToSigned<TileD> di;
  const TileV zero = hn::Zero(d);
  int size = 0;
  for (int n = 0; n < batch.count; n += kColumns) {
    const TileV mean_x = hn::Load(d, batch.x + n), mean_y = hn::Load(d, batch.y + n);
    const TileV left = hn::Sub(TileSet(static_cast<float>(x) + 0.5f), mean_x),
                right = hn::Add(left, TileSet(kColumns - 1)),
                top = hn::Sub(TileSet(static_cast<float>(y) + 0.5f), mean_y), bottom = hn::Add(top, TileSet(kRows - 1));
    const TileV ux = hn::Load(d, batch.u_x + n), uy = hn::Load(d, batch.u_y + n), vy2 = hn::Load(d, batch.v_y2 + n);
    const auto at = [&](TileV dx, TileV dy) HWY_ATTR {
      const TileV u = hn::MulAdd(ux, dx, hn::Mul(uy, dy));
      return hn::MulAdd(u, u, hn::Mul(hn::Mul(vy2, dy), dy));
    };
    const TileV column = Clamp(zero, left, right), row = Clamp(zero, top, bottom);
    const TileV on_column = at(column, Clamp(hn::Mul(column, hn::Load(d, batch.dy_per_dx + n)), top, bottom)),
                on_row = at(Clamp(hn::Mul(row, hn::Load(d, batch.dx_per_dy + n)), left, right), row);
    const TileM reaches = hn::Le(hn::Min(on_column, on_row), hn::Load(d, batch.room + n));
    HWY_ALIGN int32_t flags[kColumns];
    hn::Store(hn::BitCast(di, hn::VecFromMask(d, reaches)), di, flags);
    for (int lane = 0; lane < kColumns; ++lane) {  // without a branch, of which many would be guessed wrong
      list[size] = n + lane;
      size -= flags[lane];
    }
  }
  return size;
}

/// Alpha in a block's middle row, and what it is multiplied by to get to the next row and to the previous one. Each
/// row on, that is multiplied by the Gaussian's ratio. Two exponentials then do for eight rows; four rows on, alpha is
/// off by at most 1e-6 of itself where it is not steep.
struct Column {
  TileV alpha, onward, back;
};

/// `dx` and `dy` are those of the middle row's pixels.
HWY_INLINE Column StartColumn(const Batch& batch, int n, TileV dx, TileV dy, TileV ratio) {
  const TileV u_y = TileSet(batch.u_y[n]), u = hn::MulAdd(TileSet(batch.u_x[n]), dx, hn::Mul(u_y, dy));
  const TileV v_v_y = hn::Mul(TileSet(batch.v_y2[n]), dy);
  const TileV log2_alpha = hn::NegMulAdd(u, u, hn::NegMulAdd(v_v_y, dy, TileSet(batch.log2_opacity[n])));
  const TileV log2_step = hn::MulAdd(TileSet(-2), hn::MulAdd(u_y, u, v_v_y), TileSet(batch.bend[n]));
  const TileV step = Exp2(Clamp(log2_step, TileSet(-kSteepest), TileSet(kSteepest))), least = TileSet(kLeastStep);
  return {.alpha = hn::IfThenElseZero(hn::Gt(log2_alpha, TileSet(kDark)), Exp2(log2_alpha)),
          .onward = hn::Max(step, least),
          .back = hn::Max(hn::Div(ratio, step), least)};
}

/// What a Gaussian gives a vector of pixels: 0 in lanes that it gives nothing to.
struct Touched {
  TileV transmittance;  ///< before it
  TileV unclamped, alpha, weight;
  TileV left;  ///< T after it
};

HWY_INLINE Touched Touch(TileV transmittance, TileV unclamped, TileV stop) {
  const TileM seen = hn::Ge(unclamped, TileSet(static_cast<float>(kFaintestAlpha)));
  unclamped = hn::IfThenElseZero(seen, unclamped);
  const TileV alpha = hn::Min(unclamped, TileSet(static_cast<float>(kMostAlpha)));
  const TileV weight = hn::Mul(alpha, transmittance), next = hn::Sub(transmittance, weight);
  const TileM goes_on = hn::Gt(next, stop);  // what has stopped is negative and stays so
  return {.transmittance = transmittance,
          .unclamped = hn::IfThenElseZero(goes_on, unclamped),
          .alpha = hn::IfThenElseZero(goes_on, alpha),
          .weight = hn::IfThenElseZero(goes_on, weight),
          .left = hn::IfThenElse(goes_on, next, hn::Or(transmittance, hn::SignBit(TileD())))};
}

HWY_INLINE bool AllStopped(const TileV* left) {
  const TileD d;
  TileV most = left[0];
  for (int row = 1; row < kRows; ++row) most = hn::Max(most, left[row]);
  return hn::AllTrue(d, hn::Lt(most, hn::Zero(d)));
}

HWY_INLINE bool BlockStopped(const float* transmittance) {
  TileV left[kRows];
  for (int row = 0; row < kRows; ++row) left[row] = hn::Load(TileD(), transmittance + row * kGaussianTile);
  return AllStopped(left);
}

/// Shows a block's listed Gaussians to `visitor`, until all its pixels have stopped.
template <class Visitor>
HWY_INLINE void WalkBlock(const Batch& batch, const int32_t* list, int size, int x, int y, TileV stop,
                          float* transmittance, Visitor& visitor) {
  const TileD d;
  const TileV centres = Centres(x), top = TileSet(static_cast<float>(y) + 0.5f);
  TileV left[kRows];
  for (int row = 0; row < kRows; ++row) left[row] = hn::Load(d, transmittance + row * kGaussianTile);
  for (int k = 0; k < size; ++k) {
    const int n = list[k];
    const TileV dx = hn::Sub(centres, TileSet(batch.x[n])), dy = hn::Sub(top, TileSet(batch.y[n]));
    const TileV ratio = TileSet(batch.ratio[n]);
    const Column column = StartColumn(batch, n, dx, hn::Add(dy, TileSet(kMiddle)), ratio);
    visitor.Begin(n, dx, dy);
    const auto touch = [&](int row, TileV alpha) HWY_ATTR {
      const Touched touched = Touch(left[row], alpha, stop);
      left[row] = touched.left;
      visitor.Touch(row, touched);
    };
    TileV alpha = column.alpha, step = column.onward;
    HWY_UNROLL(4)
    for (int row = kMiddle; row < kRows; ++row) {
      touch(row, alpha);
      alpha = hn::Mul(alpha, step), step = hn::Mul(step, ratio);
    }
    alpha = column.alpha, step = column.back;
    HWY_UNROLL(4)
    for (int row = kMiddle - 1; row >= 0; --row) {
      alpha = hn::Mul(alpha, step), step = hn::Mul(step, ratio);
      touch(row, alpha);
    }
    visitor.End(n);
    if (AllStopped(left)) break;
  }
  for (int row = 0; row < kRows; ++row) hn::Store(left[row], d, transmittance + row * kGaussianTile);
}

/// Shows a batch to the blocks of its tile that go on.
template <class Visitor>
HWY_INLINE void WalkBatch(const Batch& batch, TileV stop, TilePixels& pixels, Visitor& visitor) {
  int32_t list[kBatch + kColumns];
  for (int y = 0; y < kGaussianTile; y += kRows) {
    for (int x = 0; x < kGaussianTile; x += kColumns) {
      const int at = y * kGaussianTile + x;
      if (BlockStopped(pixels.transmittance + at)) continue;
      const int size = ListBlock(batch, x, y, list);
      if (size == 0) continue;
      auto block = visitor.Block(at);
      WalkBlock(batch, list, size, x, y, stop, pixels.transmittance + at, block);
      block.Store();
    }
  }
}

/// Shows the tile's first `count` entries to `visitor`, batch after batch; ends when every pixel has stopped. Returns
/// how many were shown. Forward and backward come here, so that they decide alike.
template <class Visitor>
HWY_INLINE uint32_t WalkTile(const RasterMemory::Frame& frame, GaussianRules rules, const PixelBox& box,
                             const TileEntry* entries, uint32_t count, TilePixels& pixels, Visitor& visitor) {
  constexpr auto kLeast = static_cast<float>(kLeastTransmittance);
  const TileV stop = TileSet(rules == GaussianRules::kExact ? kLeast : std::nextafter(kLeast, 0.f));  // < or ≤
  Batch batch;
  uint32_t shown = 0;
  while (shown < count && pixels.going()) {
    const auto size = static_cast<int>(std::min<uint32_t>(count - shown, kBatch));
    batch.Load(frame, box, entries + shown, size);
    visitor.BeginBatch(batch, entries + shown);
    WalkBatch(batch, stop, pixels, visitor);
    visitor.EndBatch(batch, entries + shown);
    shown += size;
  }
  return shown;
}
#endif

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
