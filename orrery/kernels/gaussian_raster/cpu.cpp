#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"
#include "orrery/kernels/gaussian_raster/frame.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/gaussian_raster/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using TileD = hn::CappedTag<float, kGaussianTile>;
using TileV = hn::Vec<TileD>;
using TileM = hn::Mask<TileD>;
using Frame = RasterMemory::Frame;

#if HWY_TARGET == HWY_SCALAR
// Not a target of ours; the callers below never come here.
void RasterTile(const RasterInput&, const RasterOutput&, Frame&, int64_t) {}
void RasterTileBackward(const RasterInput&, const RasterOutput&, const RasterOutputGradient&, bool, Frame&, int64_t) {}
#else

constexpr int kPixels = kGaussianTile * kGaussianTile;
constexpr float kCentres[kGaussianTile] = {0.5f, 1.5f, 2.5f,  3.5f,  4.5f,  5.5f,  6.5f,  7.5f,
                                           8.5f, 9.5f, 10.5f, 11.5f, 12.5f, 13.5f, 14.5f, 15.5f};

HWY_INLINE TileV TileSet(float value) { return hn::Set(TileD(), value); }

/// 2^t for |t| < 126, within 2 ulp: the whole part goes into the exponent, the rest (at most a half) through a
/// polynomial that interpolates at Chebyshev's nodes.
HWY_INLINE TileV Exp2(TileV t) {
  const hn::RebindToSigned<TileD> di;
  const TileV round = TileSet(12582912.f);  // 1.5·2^23: adding it leaves the nearest whole number in the low bits
  const TileV shifted = hn::Add(t, round), rest = hn::Sub(t, hn::Sub(shifted, round));
  TileV p = TileSet(0.00133908634f);
  for (const float next : {0.00967603192f, 0.0555035711f, 0.240221075f, 0.693147188f, 1.00000008f})
    p = hn::MulAdd(p, rest, TileSet(next));
  return hn::BitCast(TileD(), hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

/// A tile's pixels as the walk leaves them: T where a pixel goes on, -T where it has stopped.
struct TilePixels {
  HWY_ALIGN float transmittance[kPixels];
  int going = 0;

  /// Pixels past the image's edges have stopped before they begin.
  explicit TilePixels(const PixelBox& box) {
    const int columns = box.x1 - box.x0 + 1, rows = box.y1 - box.y0 + 1;
    for (int y = 0; y < kGaussianTile; ++y)
      for (int x = 0; x < kGaussianTile; ++x)
        transmittance[y * kGaussianTile + x] = x < columns && y < rows ? 1.f : -1.f;
    going = columns * rows;
  }
};

/// A vector of pixels that a Gaussian gives something to.
struct Touched {
  int at;        ///< in the tile, of its first pixel
  TileM passes;  ///< for which pixels all this holds
  TileV transmittance, alpha, unclamped, weight, dy;
};

/// Shows the tile's first `count` entries to `visitor`, each with the pixels that it touches; ends when every pixel has
/// stopped. Returns how many were shown. Forward and backward come here, so that they decide alike.
template <class Visitor>
HWY_INLINE uint32_t WalkTile(const Frame& frame, GaussianRules rules, const PixelBox& box, const TileEntry* entries,
                             uint32_t count, TilePixels& pixels, Visitor& visitor) {
  const TileD d;
  constexpr float kRounding = 1e-3f;  // sigma < 0 by no more than this is a 0
  const auto lanes = static_cast<int>(hn::Lanes(d));
  constexpr float kLog2E = 1.44269504f, kLn255 = 5.54126355f;
  const TileV log2_e = TileSet(kLog2E), highest = TileSet(kRounding);
  const TileV faintest = TileSet(static_cast<float>(kFaintestAlpha)), most = TileSet(static_cast<float>(kMostAlpha));
  const auto least = static_cast<float>(kLeastTransmittance);
  const TileV stop = TileSet(rules == GaussianRules::kExact ? least : std::nextafter(least, 0.f));  // < or ≤
  const TileV zero = hn::Zero(d);
  for (uint32_t n = 0; n < count; ++n) {
    const Footprint& footprint = frame.footprints[entries[n].rank];
    const int x0 = std::max<int>(footprint.x0, box.x0) - box.x0, x1 = std::min<int>(footprint.x1, box.x1) - box.x0;
    const int y0 = std::max<int>(footprint.y0, box.y0) - box.y0, y1 = std::min<int>(footprint.y1, box.y1) - box.y0;
    const TileV mean_x = TileSet(footprint.x - static_cast<float>(box.x0)),
                mean_y = TileSet(footprint.y - static_cast<float>(box.y0));
    const TileV a = TileSet(-0.5f * footprint.a), b = TileSet(-footprint.b), c = TileSet(-0.5f * footprint.c),
                log2_opacity = TileSet(footprint.log2_opacity);
    // alpha ≥ 1/255 where -sigma is at least this; cheaper than alpha itself, and a little wider.
    const TileV lowest = TileSet(-footprint.log2_opacity / kLog2E - kLn255 - 1e-4f);
    visitor.Begin(entries[n], footprint);
    for (int x = x0 / lanes * lanes; x <= x1; x += lanes) {
      const TileV dx = hn::Sub(hn::LoadU(d, kCentres + x), mean_x);
      const TileV level = hn::Mul(hn::Mul(a, dx), dx), slope = hn::Mul(b, dx);
      visitor.BeginColumn(dx);
      for (int y = y0; y <= y1; ++y) {
        const TileV dy = hn::Sub(TileSet(kCentres[y]), mean_y);
        const TileV minus_sigma = hn::MulAdd(hn::MulAdd(c, dy, slope), dy, level);
        const TileM near = hn::Ge(minus_sigma, lowest);
        if (hn::AllFalse(d, near)) continue;
        Touched touched{.at = y * kGaussianTile + x, .dy = dy};
        float* left = pixels.transmittance + touched.at;
        touched.transmittance = hn::Load(d, left);
        const TileM going = hn::And(near, hn::Gt(touched.transmittance, zero));
        if (hn::AllFalse(d, going)) continue;
        touched.unclamped = Exp2(hn::MulAdd(minus_sigma, log2_e, log2_opacity));
        touched.alpha = hn::Min(touched.unclamped, most);
        const TileM seen = hn::And(going, hn::And(hn::Ge(touched.alpha, faintest), hn::Le(minus_sigma, highest)));
        const TileV next = hn::NegMulAdd(touched.alpha, touched.transmittance, touched.transmittance);
        touched.passes = hn::And(seen, hn::Gt(next, stop));
        touched.weight = hn::IfThenElseZero(touched.passes, hn::Mul(touched.alpha, touched.transmittance));
        visitor.Touch(touched);
        TileV kept = hn::IfThenElse(touched.passes, next, touched.transmittance);
        const TileM stops = hn::AndNot(touched.passes, seen);
        if (HWY_UNLIKELY(!hn::AllFalse(d, stops))) {
          kept = hn::IfThenElse(stops, hn::Neg(kept), kept);
          pixels.going -= static_cast<int>(hn::CountTrue(d, stops));
        }
        hn::Store(kept, d, left);
      }
      visitor.EndColumn(dx);
    }
    visitor.End(entries[n]);
    if (pixels.going == 0) return n + 1;
  }
  return count;
}

/// A Gaussian's channels, one per vector.
template <int kChannels>
HWY_INLINE void SetChannels(const Frame& frame, const TileEntry& entry, TileV* channels) {
  const float* from = frame.channels_of.data() + static_cast<size_t>(entry.rank) * kChannels;
  for (int c = 0; c < kChannels; ++c) channels[c] = TileSet(from[c]);
}

// ---- forward

template <int kChannels, bool kCount>
struct Compositing {
  explicit Compositing(Frame& frame_of_tile) : frame(frame_of_tile) {}

  HWY_INLINE void Begin(const TileEntry& entry, const Footprint&) {
    SetChannels<kChannels>(frame, entry, channels);
    count = 0;
  }
  HWY_INLINE void BeginColumn(TileV) {}
  HWY_INLINE void Touch(const Touched& touched) {
    const TileD d;
    for (int c = 0; c < kChannels; ++c) {
      float* plane = planes[c] + touched.at;
      hn::Store(hn::MulAdd(touched.weight, channels[c], hn::Load(d, plane)), d, plane);
    }
    if constexpr (kCount) count += static_cast<int32_t>(hn::CountTrue(d, touched.passes));
  }
  HWY_INLINE void EndColumn(TileV) {}
  HWY_INLINE void End(const TileEntry& entry) {
    if constexpr (kCount) frame.pixels[entry.slot] = count;
  }

  HWY_ALIGN float planes[kChannels][kPixels] = {};
  TileV channels[kChannels];
  Frame& frame;
  int32_t count = 0;
};

template <int kChannels, bool kCount>
void DrawTile(const RasterInput& input, const RasterOutput& output, Frame& frame, int64_t tile) {
  const PixelBox box = frame.tile_box(tile, input);
  const uint32_t first = frame.tile_from[tile], count = frame.tile_from[tile + 1] - first;
  TilePixels pixels(box);
  Compositing<kChannels, kCount> compositing(frame);
  const uint32_t drawn = WalkTile(frame, input.rules, box, frame.entries.data() + first, count, pixels, compositing);
  frame.drawn[tile] = drawn;
  if constexpr (kCount)
    for (uint32_t n = drawn; n < count; ++n) frame.pixels[frame.entries[first + n].slot] = 0;

  float* transmittance = frame.transmittance.data() + tile * kPixels;
  for (int at = 0; at < kPixels; ++at) transmittance[at] = std::abs(pixels.transmittance[at]);
  for (int y = box.y0; y <= box.y1; ++y) {
    for (int x = box.x0; x <= box.x1; ++x) {
      const int at = (y - box.y0) * kGaussianTile + x - box.x0;
      const int64_t pixel = static_cast<int64_t>(y) * input.width + x;
      float* colour = output.image.data() + pixel * input.channels;
      for (int c = 0; c < input.channels; ++c)
        colour[c] =
            compositing.planes[c][at] + (input.background.empty() ? 0 : transmittance[at] * input.background[c]);
      output.alpha[pixel] = 1 - transmittance[at];
      if (!output.depth.empty()) output.depth[pixel] = compositing.planes[input.channels][at];
    }
  }
}

template <int kChannels>
void DrawTileOf(const RasterInput& input, const RasterOutput& output, Frame& frame, int64_t tile) {
  output.pixels_of_gaussian.empty() ? DrawTile<kChannels, false>(input, output, frame, tile)
                                    : DrawTile<kChannels, true>(input, output, frame, tile);
}

void RasterTile(const RasterInput& input, const RasterOutput& output, Frame& frame, int64_t tile) {
  if (frame.channels == 3) return DrawTileOf<3>(input, output, frame, tile);
  if (frame.channels == 4) return DrawTileOf<4>(input, output, frame, tile);
  DrawTileOf<8>(input, output, frame, tile);
}

// ---- backward

/// The gradients of a tile's pixels, and what lies behind the Gaussians seen so far, in units of the loss.
template <int kChannels>
struct TileGradient {
  HWY_ALIGN float planes[kChannels][kPixels] = {};
  HWY_ALIGN float behind[kPixels] = {};

  /// d_background [kChannels]: what this tile gives to it.
  TileGradient(const RasterInput& input, const RasterOutput& output, const RasterOutputGradient& d_output,
               const PixelBox& box, const float* transmittance, float* d_background) {
    std::fill_n(d_background, kChannels, 0.f);
    for (int y = box.y0; y <= box.y1; ++y) {
      for (int x = box.x0; x <= box.x1; ++x) {
        const int at = (y - box.y0) * kGaussianTile + x - box.x0;
        const int64_t pixel = static_cast<int64_t>(y) * input.width + x;
        float sum = 0;
        const auto add = [&](int c, float gradient, float value) {
          planes[c][at] = gradient;
          d_background[c] += gradient * transmittance[at];
          sum += gradient * value;
        };
        if (!d_output.image.empty())
          for (int c = 0; c < input.channels; ++c)
            add(c, d_output.image[pixel * input.channels + c], output.image[pixel * input.channels + c]);
        if (!d_output.depth.empty()) add(input.channels, d_output.depth[pixel], output.depth[pixel]);
        if (!d_output.alpha.empty()) sum -= d_output.alpha[pixel] * transmittance[at];
        behind[at] = sum;
      }
    }
  }
};

/// With h = alpha·∂loss/∂alpha, sums over a Gaussian's pixels in this tile: see gather.cpp.
template <int kChannels, bool kAbsolute>
struct Descending {
  Descending(Frame& frame_of_tile, GaussianRules rules, TileGradient<kChannels>& gradient_of_tile)
      : frame(frame_of_tile),
        gradient(gradient_of_tile),
        most(TileSet(rules == GaussianRules::kExact ? static_cast<float>(kMostAlpha) : HUGE_VALF)) {}

  HWY_INLINE void Begin(const TileEntry& entry, const Footprint& footprint) {
    SetChannels<kChannels>(frame, entry, channels);
    for (TileV& sum : sums) sum = hn::Zero(TileD());
    if constexpr (kAbsolute) a = TileSet(footprint.a), b = TileSet(footprint.b), c = TileSet(footprint.c);
  }
  HWY_INLINE void BeginColumn(TileV dx) {
    h = h_dy = h_dy2 = hn::Zero(TileD());
    if constexpr (kAbsolute) a_dx = hn::Mul(a, dx), b_dx = hn::Mul(b, dx);
  }
  HWY_INLINE void Touch(const Touched& touched) {
    const TileD d;
    TileV own = hn::Zero(d);
    for (int k = 0; k < kChannels; ++k) {
      const TileV of_pixel = hn::Load(d, gradient.planes[k] + touched.at);
      own = hn::MulAdd(of_pixel, channels[k], own);
      sums[6 + k] = hn::MulAdd(touched.weight, of_pixel, sums[6 + k]);
    }
    float* at = gradient.behind + touched.at;
    const TileV behind = hn::NegMulAdd(touched.weight, own, hn::Load(d, at));
    hn::Store(behind, d, at);
    const TileV d_alpha =
        hn::Sub(hn::Mul(touched.transmittance, own), hn::Div(behind, hn::Sub(TileSet(1), touched.alpha)));
    const TileV share = hn::IfThenElseZero(hn::And(touched.passes, hn::Le(touched.unclamped, most)),
                                           hn::Mul(touched.unclamped, d_alpha));
    h = hn::Add(h, share);
    const TileV share_dy = hn::Mul(share, touched.dy);
    h_dy = hn::Add(h_dy, share_dy);
    h_dy2 = hn::MulAdd(share_dy, touched.dy, h_dy2);
    if constexpr (kAbsolute) {
      sums[6 + kChannels] = hn::Add(sums[6 + kChannels], hn::Abs(hn::Mul(share, hn::MulAdd(b, touched.dy, a_dx))));
      sums[7 + kChannels] = hn::Add(sums[7 + kChannels], hn::Abs(hn::Mul(share, hn::MulAdd(c, touched.dy, b_dx))));
    }
  }
  HWY_INLINE void EndColumn(TileV dx) {
    const TileV h_dx = hn::Mul(h, dx);
    sums[0] = hn::Add(sums[0], h);
    sums[1] = hn::Add(sums[1], h_dx);
    sums[2] = hn::MulAdd(h_dx, dx, sums[2]);
    sums[3] = hn::Add(sums[3], h_dy);
    sums[4] = hn::MulAdd(h_dy, dx, sums[4]);
    sums[5] = hn::Add(sums[5], h_dy2);
  }
  HWY_INLINE void End(const TileEntry& entry) {
    const TileD d;
    HWY_ALIGN float four[kGaussianTile];
    float* slot = frame.slots.data() + static_cast<size_t>(entry.slot) * kSlotSize;
    for (int k = 0; k < kSlotSize; k += 4) {
      hn::Store(SumsOfFour(d, sums + k), d, four);
      std::copy_n(four, 4, slot + k);
    }
  }

  static constexpr int kSlotSize = slot_size_for(kChannels);
  Frame& frame;
  TileGradient<kChannels>& gradient;
  const TileV most;
  TileV channels[kChannels], sums[kSlotSize];
  TileV h, h_dy, h_dy2;       // of the column
  TileV a, b, c, a_dx, b_dx;  // kAbsolute
};

template <int kChannels, bool kAbsolute>
void DescendTile(const RasterInput& input, const RasterOutput& output, const RasterOutputGradient& d_output,
                 Frame& frame, int64_t tile) {
  const PixelBox box = frame.tile_box(tile, input);
  const uint32_t first = frame.tile_from[tile], count = frame.tile_from[tile + 1] - first;
  TilePixels pixels(box);
  TileGradient<kChannels> gradient(input, output, d_output, box, frame.transmittance.data() + tile * kPixels,
                                   frame.d_backgrounds.data() + tile * kChannels);
  Descending<kChannels, kAbsolute> descending(frame, input.rules, gradient);
  WalkTile(frame, input.rules, box, frame.entries.data() + first, frame.drawn[tile], pixels, descending);
  for (uint32_t n = frame.drawn[tile]; n < count; ++n)
    std::fill_n(frame.slots.data() + static_cast<size_t>(frame.entries[first + n].slot) * frame.slot_size,
                frame.slot_size, 0.f);
}

template <int kChannels>
void DescendTileOf(const RasterInput& input, const RasterOutput& output, const RasterOutputGradient& d_output,
                   bool absolute, Frame& frame, int64_t tile) {
  absolute ? DescendTile<kChannels, true>(input, output, d_output, frame, tile)
           : DescendTile<kChannels, false>(input, output, d_output, frame, tile);
}

void RasterTileBackward(const RasterInput& input, const RasterOutput& output, const RasterOutputGradient& d_output,
                        bool absolute, Frame& frame, int64_t tile) {
  if (frame.channels == 3) return DescendTileOf<3>(input, output, d_output, absolute, frame, tile);
  if (frame.channels == 4) return DescendTileOf<4>(input, output, d_output, absolute, frame, tile);
  DescendTileOf<8>(input, output, d_output, absolute, frame, tile);
}
#endif

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(RasterTile);
HWY_EXPORT(RasterTileBackward);

namespace {

void check(const RasterInput& input, int channels) {
  constexpr int kMostSide = 32767;
  if (input.width < 1 || input.height < 1 || input.width > kMostSide || input.height > kMostSide)
    throw Error({.doing = "draw Gaussians",
                 .where = "the image's size",
                 .found = std::to_string(input.width) + "×" + std::to_string(input.height),
                 .expected = "1 to " + std::to_string(kMostSide) + " pixels a side"});
  if (channels > kMostRasterChannels)
    throw Error({.doing = "draw Gaussians",
                 .where = "channels, depth among them",
                 .found = std::to_string(channels),
                 .expected = "at most " + std::to_string(kMostRasterChannels)});
}

}  // namespace

void gaussian_raster(const RasterInput& input, const RasterOutput& output, RasterMemory& memory, ThreadPool& pool) {
  const bool with_depth = !output.depth.empty();
  const int channels = input.channels + with_depth;
  check(input, channels);
  if (isa() == Isa::kReference) return gaussian_raster_reference(input, output);
  RasterMemory::Frame& frame = *memory.frame;
  frame.channels = channels <= 3 ? 3 : channels <= 4 ? 4 : kMostRasterChannels;
  frame.bin(input, with_depth, pool);
  frame.drawn.resize(frame.tiles());
  frame.transmittance.resize(frame.tiles() * kGaussianTile * kGaussianTile);
  if (!output.pixels_of_gaussian.empty()) fit(frame.pixels, frame.entries.size());
  pool.run(frame.tiles(), [&](int64_t tile, int) { HWY_DYNAMIC_DISPATCH(RasterTile)(input, output, frame, tile); });
  if (output.pixels_of_gaussian.empty()) return;
  std::ranges::fill(output.pixels_of_gaussian, 0);
  for (size_t rank = 0; rank < frame.order.size(); ++rank)
    for (uint32_t slot = frame.slots_from[rank]; slot < frame.slots_from[rank + 1]; ++slot)
      output.pixels_of_gaussian[frame.order[rank]] += frame.pixels[slot];
}

void gaussian_raster_backward(const RasterInput& input, const RasterOutput& output,
                              const RasterOutputGradient& d_output, const RasterGradient& gradient,
                              RasterMemory& memory, ThreadPool& pool) {
  if (isa() == Isa::kReference) return gaussian_raster_backward_reference(input, output, d_output, gradient);
  RasterMemory::Frame& frame = *memory.frame;
  frame.slot_size = slot_size_for(frame.channels);
  fit(frame.slots, frame.entries.size() * frame.slot_size);
  frame.d_backgrounds.resize(frame.tiles() * frame.channels);
  const bool absolute = !gradient.means2d_absolute.empty();
  pool.run(frame.tiles(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(RasterTileBackward)(input, output, d_output, absolute, frame, tile);
  });
  frame.gather(input, !output.depth.empty(), gradient, pool);
  for (size_t c = 0; c < gradient.background.size(); ++c) {
    double sum = 0;
    for (int64_t tile = 0; tile < frame.tiles(); ++tile) sum += frame.d_backgrounds[tile * frame.channels + c];
    gradient.background[c] = static_cast<float>(sum);
  }
}

}  // namespace orrery::kernels
#endif
