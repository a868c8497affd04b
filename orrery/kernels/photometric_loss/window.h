// What the reference and the fast version of photometric_loss share: the window, and which pixels count.
#pragma once

#include <array>
#include <cmath>

#include "orrery/kernels/photometric_loss/photometric_loss.h"

namespace orrery::kernels {

constexpr int kWindow = 11, kHalfWindow = kWindow / 2;
constexpr double kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;

inline std::array<double, kWindow> ssim_window() {
  std::array<double, kWindow> window;
  double sum = 0;
  for (int i = 0; i < kWindow; ++i)
    sum += window[i] = std::exp(-(i - kHalfWindow) * (i - kHalfWindow) / (2 * 1.5 * 1.5));
  for (double& value : window) value /= sum;
  return window;
}

/// Pixels left out at every border.
inline int margin(SsimBorder border) { return border == SsimBorder::kInside ? kHalfWindow : 0; }

/// The sum of the mask `margin` pixels off the border.
double weight_inside(const PhotometricInput& input, int margin);

/// Throws Error where kInside leaves no pixel.
void check_size(const PhotometricInput& input, SsimBorder border);

/// From sums to means.
PhotometricLoss loss_of(const PhotometricOptions& options, double l1, double ssim,
                        const std::array<double, 3>& squared_error);

}  // namespace orrery::kernels
