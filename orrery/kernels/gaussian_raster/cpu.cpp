#include <hwy/cache_control.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"
#include "orrery/kernels/gaussian_raster/frame.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/gaussian_raster/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/gaussian_raster/planes-inl.h"
#include "orrery/kernels/gaussian_raster/walk-inl.h"
#include "orrery/kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Frame = RasterMemory::Frame;

#if HWY_TARGET == HWY_SCALAR
// Not a target of ours; the callers below never come here.
void RasterTile(const RasterInput&, const RasterOutput&, Frame&, int64_t) {}
void RasterTileBackward(const RasterInput&, const RasterOutput&, const RasterOutputGradient&, bool, Frame&, int64_t) {}
#else

/// A batch's channels.
template <int kChannels>
struct BatchChannels {
  float values[kBatch][kChannels];

  void Load(const Frame& frame, const TileEntry* entries, int count) {
    for (int n = 0; n < count; ++n)
      std::copy_n(frame.channels_of.data() + static_cast<size_t>(entries[n].rank) * kChannels, kChannels, values[n]);
  }
};

// ---- forward

template <int kChannels, bool kCount>
struct Compositing {
  /// A block's colours, in registers where those suffice.
  struct BlockOfPixels {
    BlockOfPixels(Compositing& tile, int at) : all(tile), first(at) {
      for (int c = 0; c < kChannels; ++c)
        for (int row = 0; row < kRows; ++row) sums[c][row] = hn::Load(TileD(), Plane(c, row));
    }
    void Store() {
      for (int c = 0; c < kChannels; ++c)
        for (int row = 0; row < kRows; ++row) hn::Store(sums[c][row], TileD(), Plane(c, row));
    }
    HWY_INLINE void Begin(int n, TileV, TileV) {
      for (int c = 0; c < kChannels; ++c) channels[c] = TileSet(all.channels.values[n][c]);
      count = 0;
    }
    HWY_INLINE void Touch(int row, const Touched& touched) {
      for (int c = 0; c < kChannels; ++c) sums[c][row] = hn::MulAdd(touched.weight, channels[c], sums[c][row]);
      if constexpr (kCount)
        count += static_cast<int32_t>(hn::CountTrue(TileD(), hn::Gt(touched.weight, hn::Zero(TileD()))));
    }
    HWY_INLINE void End(int n) {
      if constexpr (kCount) all.counts[n] += count;
    }
    float* Plane(int c, int row) { return all.planes[c] + first + row * kGaussianTile; }

    Compositing& all;
    const int first;
    TileV sums[kChannels][kRows], channels[kChannels];
    int32_t count = 0;
  };

  explicit Compositing(Frame& frame_of_tile) : frame(frame_of_tile) {}
  BlockOfPixels Block(int at) { return {*this, at}; }
  void BeginBatch(const Batch& batch, const TileEntry* entries) {
    channels.Load(frame, entries, batch.count);
    if constexpr (kCount) std::fill_n(counts, batch.count, 0);
  }
  void EndBatch(const Batch& batch, const TileEntry* entries) {
    if constexpr (kCount)
      for (int n = 0; n < batch.count; ++n) frame.pixels[entries[n].slot] = counts[n];
  }

  /// `transmittance` [256] is what is left of each pixel; the background shines through.
  void Finish(const RasterInput& input, const TilePixels& pixels, float* transmittance) {
    const TileD d;
    for (int at = 0; at < kPixels; at += kColumns) {
      const TileV left = hn::Abs(hn::Load(d, pixels.transmittance + at));
      hn::StoreU(left, d, transmittance + at);
      hn::Store(hn::Sub(TileSet(1), left), d, alpha + at);
      for (size_t c = 0; c < input.background.size(); ++c)
        hn::Store(hn::MulAdd(left, TileSet(input.background[c]), hn::Load(d, planes[c] + at)), d, planes[c] + at);
    }
  }

  HWY_ALIGN float planes[kChannels][kPixels] = {};
  HWY_ALIGN float alpha[kPixels];
  BatchChannels<kChannels> channels;
  int32_t counts[kBatch];
  Frame& frame;
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
  compositing.Finish(input, pixels, transmittance);
  JoinTile(compositing.planes[0], input.channels, input.width, box, output.image.data());
  JoinTile(compositing.alpha, 1, input.width, box, output.alpha.data());
  if (!output.depth.empty()) JoinTile(compositing.planes[input.channels], 1, input.width, box, output.depth.data());
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
    HWY_ALIGN float values[kChannels][kPixels] = {};
    const auto load = [&](std::span<const float> of_image, int channels, float* to) {
      if (!of_image.empty()) SplitTile(of_image.data(), channels, input.width, box, to);
    };
    load(d_output.image, input.channels, planes[0]);
    load(output.image, input.channels, values[0]);
    if (!d_output.depth.empty()) {
      load(d_output.depth, 1, planes[input.channels]);
      load(output.depth, 1, values[input.channels]);
    }
    load(d_output.alpha, 1, behind);
    Sum(values, transmittance, d_background);
  }

 private:
  void Sum(const float (&values)[kChannels][kPixels], const float* transmittance, float* d_background) {
    const TileD d;
    TileV shining[kChannels];
    for (TileV& sum : shining) sum = hn::Zero(d);
    for (int at = 0; at < kPixels; at += kColumns) {
      const TileV left = hn::LoadU(d, transmittance + at);
      TileV sum = hn::Neg(hn::Mul(hn::Load(d, behind + at), left));
      for (int c = 0; c < kChannels; ++c) {
        const TileV gradient = hn::Load(d, planes[c] + at);
        sum = hn::MulAdd(gradient, hn::Load(d, values[c] + at), sum);
        shining[c] = hn::MulAdd(gradient, left, shining[c]);
      }
      hn::Store(sum, d, behind + at);
    }
    for (int c = 0; c < kChannels; ++c) d_background[c] = hn::GetLane(hn::SumOfLanes(d, shining[c]));
  }
};

/// With h = alpha·∂loss/∂alpha, sums over a Gaussian's pixels in this tile: see gather.cpp.
template <int kChannels, bool kAbsolute>
struct Descending {
  static constexpr int kSlotSize = slot_size_for(kChannels);

  struct BlockOfPixels {
    BlockOfPixels(Descending& tile, int at) : all(tile), first(at) {
      for (int row = 0; row < kRows; ++row) behind[row] = hn::Load(TileD(), Behind(row));
    }
    void Store() {
      for (int row = 0; row < kRows; ++row) hn::Store(behind[row], TileD(), Behind(row));
    }
    HWY_INLINE void Begin(int n, TileV x, TileV y) {
      dx = x, dy = y;
      for (int c = 0; c < kChannels; ++c) channels[c] = TileSet(all.channels.values[n][c]);
      for (TileV& sum : sums) sum = hn::Zero(TileD());
      if constexpr (kAbsolute) {
        u_y = TileSet(all.batch->u_y[n]), v_y2 = TileSet(all.batch->v_y2[n]);
        first_u = hn::MulAdd(TileSet(all.batch->u_x[n]), dx, hn::Mul(u_y, dy)), first_v = hn::Mul(v_y2, dy);
      }
    }
    HWY_INLINE void Touch(int row, const Touched& touched) {
      TileV own = hn::Zero(TileD());
      for (int k = 0; k < kChannels; ++k) {
        const TileV of_pixel = hn::Load(TileD(), all.gradient.planes[k] + first + row * kGaussianTile);
        own = k == 0 ? hn::Mul(of_pixel, channels[k]) : hn::MulAdd(of_pixel, channels[k], own);
        sums[6 + k] = hn::MulAdd(touched.weight, of_pixel, sums[6 + k]);
      }
      behind[row] = hn::NegMulAdd(touched.weight, own, behind[row]);
      const TileV d_alpha =
          hn::MulSub(touched.transmittance, own, hn::Div(behind[row], hn::Sub(TileSet(1), touched.alpha)));
      const TileV share = hn::Mul(hn::IfThenElseZero(hn::Le(touched.unclamped, all.most), touched.unclamped), d_alpha);
      const auto down = static_cast<float>(row);
      sums[0] = hn::Add(sums[0], share);
      sums[3] = hn::MulAdd(share, TileSet(down), sums[3]);
      sums[5] = hn::MulAdd(share, TileSet(down * down), sums[5]);
      if constexpr (kAbsolute) {
        const TileV u = hn::MulAdd(u_y, TileSet(down), first_u), v = hn::MulAdd(v_y2, TileSet(down), first_v);
        sums[6 + kChannels] = hn::Add(sums[6 + kChannels], hn::Abs(hn::Mul(share, u)));
        sums[7 + kChannels] = hn::Add(sums[7 + kChannels], hn::Abs(hn::Mul(share, hn::MulAdd(u_y, u, v))));
      }
    }
    /// From powers of the row in the block to those of dy, then times powers of dx.
    HWY_INLINE void End(int n) {
      const TileV h_row = sums[3];
      sums[3] = hn::MulAdd(dy, sums[0], h_row);
      sums[5] = hn::MulAdd(dy, hn::Add(sums[3], h_row), sums[5]);
      sums[1] = hn::Mul(sums[0], dx);
      sums[2] = hn::Mul(sums[1], dx);
      sums[4] = hn::Mul(sums[3], dx);
      if constexpr (kAbsolute) {
        constexpr float k2Ln2 = 1.38629436f;  // sigma = ln(2)·(u² + v_y2·dy²)
        sums[6 + kChannels] = hn::Mul(sums[6 + kChannels], TileSet(k2Ln2 * all.batch->u_x[n]));
        sums[7 + kChannels] = hn::Mul(sums[7 + kChannels], TileSet(k2Ln2));
      }
      const TileD d;
      HWY_ALIGN float four[kGaussianTile];
      const hn::CappedTag<float, 4> d4;
      for (int k = 0; k < kSlotSize; k += 4) {
        hn::Store(SumsOfFour(d, sums + k), d, four);
        float* to = all.sums[n] + k;
        hn::Store(hn::Add(hn::Load(d4, to), hn::Load(d4, four)), d4, to);
      }
    }
    float* Behind(int row) { return all.gradient.behind + first + row * kGaussianTile; }

    Descending& all;
    const int first;
    TileV behind[kRows], channels[kChannels], sums[kSlotSize];
    TileV dx, dy;
    TileV u_y, v_y2, first_u, first_v;  // kAbsolute
  };

  Descending(Frame& frame_of_tile, GaussianRules rules, TileGradient<kChannels>& gradient_of_tile)
      : frame(frame_of_tile),
        gradient(gradient_of_tile),
        most(TileSet(rules == GaussianRules::kExact ? static_cast<float>(kMostAlpha) : HUGE_VALF)) {}
  BlockOfPixels Block(int at) { return {*this, at}; }
  void BeginBatch(const Batch& of_tile, const TileEntry* entries) {
    batch = &of_tile;
    for (int n = 0; n < batch->count; ++n) hwy::Prefetch(Slot(entries[n]));  // on its way while the batch is walked
    channels.Load(frame, entries, batch->count);
    std::fill_n(sums[0], batch->count * kSlotSize, 0.f);
  }
  void EndBatch(const Batch&, const TileEntry* entries) {
    for (int n = 0; n < batch->count; ++n) std::copy_n(sums[n], kSlotSize, Slot(entries[n]));
  }
  float* Slot(const TileEntry& entry) { return frame.slots.data() + static_cast<size_t>(entry.slot) * kSlotSize; }

  Frame& frame;
  TileGradient<kChannels>& gradient;
  const TileV most;
  const Batch* batch = nullptr;
  BatchChannels<kChannels> channels;
  HWY_ALIGN float sums[kBatch][kSlotSize];
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
