// Many numbers by few: what SOG's tables of bytes refer to.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace orrery::splat {

/// 256 numbers, ascending, that stand for those of `values` with little squared error: Lloyd's algorithm in one
/// dimension (Lloyd 1982), from steps that are even half in rank and half in size. Values that are not finite are
/// passed over.
std::array<float, 256> codebook(std::vector<float> values);

/// The number of the nearest entry.
uint8_t nearest(const std::array<float, 256>& codebook, float value);

/// Centres of points and which point belongs to which.
struct Palette {
  std::vector<float> centres;   ///< [count, width]
  std::vector<int32_t> labels;  ///< [points]
};

/// At most `count` centres for points [points, width] by hierarchical k-means (Nistér & Stewénius 2006, sec. 3): every
/// group is split into 16 and has its share of the centres by its size, so that 65,536 centres cost four splits
/// into 16. The same on every machine with the same arithmetic; no draws.
Palette palette(std::span<const float> points, int width, int64_t count);

}  // namespace orrery::splat
