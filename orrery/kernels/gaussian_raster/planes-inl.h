// Between an image's rows of pixels and a tile's planes, one per channel. Included by cpu.cpp once for each instruction
// set.
#if defined(ORRERY_GAUSSIAN_PLANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_GAUSSIAN_PLANES_INL_H
#undef ORRERY_GAUSSIAN_PLANES_INL_H
#else
#define ORRERY_GAUSSIAN_PLANES_INL_H
#endif

#include "orrery/kernels/gaussian_raster/walk-inl.h"
#include "orrery/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
/// A row of `count` pixels, a tile's at most, from [count, channels] to planes of which `to` is the first's row. Planes
/// have room for a whole row.
template <int kChannels>
HWY_INLINE void SplitRow(const float* pixels, int count, float* to) {
  for (int x = 0; x < count; x += kColumns) {
    TileV channels[kChannels];
    LoadRows<kChannels>(TileD(), pixels + x * kChannels, std::min(count - x, kColumns), channels);
    for (int c = 0; c < kChannels; ++c) hn::Store(channels[c], TileD(), to + c * kPixels + x);
  }
}

/// And back.
template <int kChannels>
HWY_INLINE void JoinRow(const float* from, int count, float* pixels) {
  for (int x = 0; x < count; x += kColumns) {
    TileV channels[kChannels];
    for (int c = 0; c < kChannels; ++c) channels[c] = hn::Load(TileD(), from + c * kPixels + x);
    StoreRows<kChannels>(TileD(), channels, std::min(count - x, kColumns), pixels + x * kChannels);
  }
}

/// A tile's part of an image [height, width, channels] into planes; what lies past the image's edges stays or becomes
/// 0.
HWY_INLINE void SplitTile(const float* image, int channels, int width, const PixelBox& box, float* planes) {
  const int count = box.x1 - box.x0 + 1;
  for (int y = box.y0; y <= box.y1; ++y) {
    const float* pixels = image + (static_cast<int64_t>(y) * width + box.x0) * channels;
    float* to = planes + (y - box.y0) * kGaussianTile;
    if (channels == 1)
      SplitRow<1>(pixels, count, to);
    else if (channels == 3)
      SplitRow<3>(pixels, count, to);
    else
      for (int x = 0; x < count; ++x)
        for (int c = 0; c < channels; ++c) to[c * kPixels + x] = pixels[x * channels + c];
  }
}

/// And back.
HWY_INLINE void JoinTile(const float* planes, int channels, int width, const PixelBox& box, float* image) {
  const int count = box.x1 - box.x0 + 1;
  for (int y = box.y0; y <= box.y1; ++y) {
    float* pixels = image + (static_cast<int64_t>(y) * width + box.x0) * channels;
    const float* from = planes + (y - box.y0) * kGaussianTile;
    if (channels == 1)
      JoinRow<1>(from, count, pixels);
    else if (channels == 3)
      JoinRow<3>(from, count, pixels);
    else
      for (int x = 0; x < count; ++x)
        for (int c = 0; c < channels; ++c) pixels[x * channels + c] = from[c * kPixels + x];
  }
}
#endif

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
