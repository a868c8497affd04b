// How far a rendered picture is from a photo, and which way is nearer: L1 and structural similarity (Wang et al. 2004,
// "Image Quality Assessment"; weighed as by Kerbl et al. 2023, "3D Gaussian Splatting", eq. 7).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "orrery/base/thread_pool.h"

namespace orrery::kernels {

/// What the 11×11 window sees past the picture's border: zeros (the paper's authors; 4DGaussians), or nothing, and then
/// similarity is taken only where the whole window lies inside (gsplat's "valid").
enum class SsimBorder { kZeros, kInside };

struct PhotometricOptions {
  float ssim_share = 0.2f;  ///< loss = (1 - share)·L1 + share·(1 - SSIM)
  SsimBorder border = SsimBorder::kZeros;
};

struct PhotometricInput {
  int width = 0, height = 0;
  std::span<const float> image, target;  ///< [height, width, 3], 0…1
  /// [height, width] weights 0…1, or empty: 1. Means are weighted by it; under a 0 the image counts as equal to the
  /// target, so that nothing there reaches a window.
  std::span<const float> mask = {};
};

struct PhotometricLoss {
  double loss = 0, l1 = 0, ssim = 1;
  std::array<double, 3> squared_error{};  ///< mean, per channel

  double psnr() const;              ///< of the picture, dB, for a range of 1
  double psnr_of_channels() const;  ///< mean of the channels' own, which is what INRIA's psnr() gives for one picture
};

/// SSIM per channel with a Gaussian window (11, sigma 1.5), C1 = 0.01², C2 = 0.03², its mean over all. `gradient`
/// [height, width, 3]: of the loss by the image, overwritten; empty: not wanted. Everything goes through the rows once:
/// four maps are blurred across and down, three partial derivatives back, 84 products per value, in blocks whose rows
/// stay in L2. The same on any number of threads. Throws Error where kInside finds no window inside.
PhotometricLoss photometric_loss(const PhotometricInput& input, const PhotometricOptions& options,
                                 std::span<float> gradient, ThreadPool& pool);

/// In plain loops, in double between loads and stores.
PhotometricLoss photometric_loss_reference(const PhotometricInput& input, const PhotometricOptions& options,
                                           std::span<float> gradient);

}  // namespace orrery::kernels
