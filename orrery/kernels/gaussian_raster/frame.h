// What stands between projected Gaussians and tiles: who is drawn where, in which order.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/base/fit.h"
#include "orrery/kernels/gaussian_raster/gaussian_raster.h"
#include "orrery/kernels/gaussian_raster/rules.h"

namespace orrery::kernels {

/// A Gaussian ready to be drawn.
struct Footprint {
  float x, y;  ///< pixels
  /// log2(alpha) = log2_opacity - (u_x·dx + u_y·dy)² - v_y2·dy²: the conic's Cholesky factor. Along a needle its terms
  /// are the roots of the conic's, so float32 keeps twice as many digits of their sum.
  float u_x, u_y, v_y2;
  float log2_opacity;
  /// Of alpha in three rows of a column, the first times the third by the square of the second, which is so everywhere.
  float ratio;
};

/// Floats in a gradient's slot: six sums of powers of dx and dy, one per channel, two absolute ones, rounded up to what
/// four lanes write.
constexpr int slot_size_for(int channels) { return (6 + channels + 2 + 3) / 4 * 4; }
constexpr int kMostSlotSize = slot_size_for(kMostRasterChannels);

/// One Gaussian in one tile.
struct TileEntry {
  uint32_t rank;  ///< among the visible, nearest first
  uint32_t slot;  ///< of its gradient; those of one Gaussian follow each other
};

struct RasterMemory::Frame {
  int tiles_x = 0, tiles_y = 0;
  int channels = 0;  ///< of `channels_of`: colours, depth where wanted, zeros up to a width that there is code for
  int slot_size = 0;

  std::vector<uint32_t> order;        ///< [visible] rows of the input, nearest first
  std::vector<Footprint> footprints;  ///< [visible]
  std::vector<float> channels_of;     ///< [visible, channels]
  std::vector<uint32_t>
      slots_from;  ///< [visible + 1] Gaussian `rank` owns the slots [slots_from[rank], slots_from[rank + 1])
  std::vector<uint32_t> tile_from;   ///< [tiles + 1]
  std::vector<TileEntry> entries;    ///< [slots] tile after tile, nearest first
  std::vector<uint32_t> drawn;       ///< [tiles] entries that were looked at before the last pixel stopped
  std::vector<float> transmittance;  ///< [tiles, 16, 16] what is left of each pixel
  std::vector<int32_t> pixels;       ///< [slots] with a weight
  std::vector<float> slots;          ///< [slots, slot_size] gradients, while backward runs
  std::vector<float> d_backgrounds;  ///< [tiles, channels]

  int64_t tiles() const { return static_cast<int64_t>(tiles_x) * tiles_y; }
  PixelBox tile_box(int64_t tile, const RasterInput& input) const;

  /// Sorts the visible Gaussians, prepares them and lists every tile's. 12 bytes per Gaussian are moved four times by
  /// the sort, then 8 per Gaussian and tile twice.
  void bin(const RasterInput& input, bool with_depth, ThreadPool& pool);
  /// From the slots to each Gaussian: its tiles' sums in their order, then from sums over pixels of powers of dx and dy
  /// to gradients.
  void gather(const RasterInput& input, bool with_depth, const RasterGradient& gradient, ThreadPool& pool) const;
  int64_t bytes() const;

 private:
  struct Ellipse;
  struct Depth {
    uint32_t key, row;
  };
  void sort_by_depth(const RasterInput& input, ThreadPool& pool);
  void prepare(const RasterInput& input, int64_t first, int64_t last, bool with_depth, int64_t chunk);
  void list_tiles(const PixelBox& box, const Ellipse& ellipse, std::vector<uint32_t>& tiles) const;

  std::vector<Depth> depths_, sorted_;
  std::vector<std::vector<uint32_t>> tiles_of_;  // per chunk of ranks: the tiles of its first Gaussian, its second, …
  std::vector<uint32_t> counts_;                 // [chunks, 2048] of a digit, then [chunks, tiles] of entries
};

}  // namespace orrery::kernels
