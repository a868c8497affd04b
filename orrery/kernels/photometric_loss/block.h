// Blocks of a picture, whose rows flow through one thread's memory.
#pragma once

#include "orrery/kernels/photometric_loss/window.h"

namespace orrery::kernels {

constexpr int kChannels = 3;
constexpr int kBlockColumns = 160, kBlockRows = 128;
/// Rows that are worked on at once: 12 rows of L2 give two blurred ones, for which one after the other would ask
/// for 22.
constexpr int kTogether = 2, kRing = kWindow + kTogether - 1;
static_assert(2 * kHalfWindow % kTogether == 0);
/// A row of a block with 10 pixels to either side and what a vector may run over, in whole vectors. The 98 of them
/// below take 0.23 MB, half of many an L2.
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
  alignas(64) float weights[kTogether][kRowFloats], similarity[kTogether][kRowFloats];
  alignas(64) float partials[kTogether][kPartials][kRowFloats];
  alignas(64) float maps_across[kRing][kMaps][kRowFloats];          // the last 12 rows, blurred across
  alignas(64) float partials_across[kRing][kPartials][kRowFloats];  // as well
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
