// Blocks of a picture, whose rows flow through one thread's memory.
#pragma once

#include "orrery/kernels/photometric_loss/window.h"

namespace orrery::kernels {

constexpr int kChannels = 3;
constexpr int kBlockColumns = 240, kBlockRows = 128;
/// A row of a block with 10 pixels to either side and what a vector may run over, in whole vectors. The 88 of them
/// below take 0.3 MB, half of many an L2.
constexpr size_t kRowFloats = (kBlockColumns + 4 * kHalfWindow) * kChannels + 52;
static_assert(kRowFloats % 16 == 0);

enum Map { kMean1, kMean2, kSquares, kProduct, kMaps };
enum Partial { kByMean1, kBySquares, kByProduct, kPartials };

/// Pixels [x0, x1)×[y0, y1).
struct Block {
  int x0, x1, y0, y1;
};

struct BlockSums {
  double l1 = 0, ssim = 0;
  std::array<double, 3> squared_error{};
};

/// A row of pixels begins 10 pixels left of the block, one of maps, weights or partials 5.
struct BlockRows {
  alignas(64) float image[kRowFloats], target[kRowFloats], squares[kRowFloats], product[kRowFloats];
  alignas(64) float weights[kRowFloats];
  alignas(64) float partials[kPartials][kRowFloats];
  alignas(64) float maps_across[kWindow][kMaps][kRowFloats];          // the last 11 rows, blurred across
  alignas(64) float partials_across[kWindow][kPartials][kRowFloats];  // as well
};

/// What all blocks share.
struct Comparison {
  const PhotometricInput& input;
  float ssim_share;
  int margin;
  float per_pixel, per_window;  ///< 1 / (3·Σ mask) of all pixels, and of those that have a window
  std::array<float, kWindow> window;
  float* gradient;  ///< may be null
};

}  // namespace orrery::kernels
