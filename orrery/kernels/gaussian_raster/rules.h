// GaussianRules in numbers, for the reference and what is held to it.
#pragma once

#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_raster/gaussian_raster.h"

namespace orrery::kernels {

constexpr double kMostAlpha = 0.99;
constexpr double kFaintestAlpha = 1.0 / 255;
constexpr double kLeastTransmittance = 1e-4;

/// Columns [x0, x1] and rows [y0, y1] of pixels; empty where x0 > x1 or y0 > y1.
struct PixelBox {
  int x0, x1, y0, y1;

  bool empty() const { return x0 > x1 || y0 > y1; }
};

inline PixelBox whole_image(const RasterInput& input) { return {0, input.width - 1, 0, input.height - 1}; }

/// Pixels whose centres lie within `rx`, `ry` of (x, y). The comparisons with the image come first: an int may not hold
/// what lies outside it.
inline PixelBox box_around(double x, double y, double rx, double ry, const PixelBox& image) {
  const auto up = [](double at, int least, int most) {
    return at <= least ? least : at > most ? most + 1 : static_cast<int>(std::ceil(at));
  };
  const auto down = [](double at, int least, int most) {
    return at >= most ? most : at < least ? least - 1 : static_cast<int>(std::floor(at));
  };
  return {up(x - rx - 0.5, image.x0, image.x1), down(x + rx - 0.5, image.x0, image.x1),
          up(y - ry - 0.5, image.y0, image.y1), down(y + ry - 0.5, image.y0, image.y1)};
}

/// Where Gaussian i may be drawn at all: the image, and with kInria the tiles that the square of its radius touches
/// (from ⌊(x - r)/16⌋ to before ⌊(x + r + 15)/16⌋, in a coordinate that counts pixel centres from 0).
inline PixelBox drawable(const RasterInput& input, int64_t i) {
  const PixelBox image = whole_image(input);
  if (input.rules == GaussianRules::kExact) return image;
  const auto begin = [](double at, int size) {
    return at <= 0 ? 0 : at >= size ? size : static_cast<int>(at) / kGaussianTile * kGaussianTile;
  };
  const auto end = [](double at, int size) {
    const double tiles = std::floor((at + kGaussianTile - 1) / kGaussianTile);
    return static_cast<int>(std::clamp<double>(tiles * kGaussianTile, 0, size)) - 1;
  };
  const double x = input.means2d[2 * i] - 0.5, y = input.means2d[2 * i + 1] - 0.5, rx = input.radii[2 * i],
               ry = input.radii[2 * i + 1];
  return {begin(x - rx, input.width), end(x + rx, input.width), begin(y - ry, input.height), end(y + ry, input.height)};
}

inline bool visible(const RasterInput& input, int64_t i) {
  return input.radii[2 * i] > 0 && input.radii[2 * i + 1] > 0;
}

}  // namespace orrery::kernels
