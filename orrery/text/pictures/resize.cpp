#include "orrery/text/pictures/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace orrery::text {
namespace {

using formats::Image;

// Weights are integers of so many fractional bits: the sum of 255 × weights stays below 2^31 (Pillow, Resample.c).
constexpr int kBits = 32 - 8 - 2;

/// Which inputs each output takes, and how much of each.
struct Windows {
  struct Window {
    int64_t first, count;
    const int32_t* weights;
  };
  std::vector<Window> of;  ///< per output
  std::vector<int32_t> weights;
};

Windows triangle_windows(int64_t inputs, int64_t outputs) {
  const double scale = static_cast<double>(inputs) / static_cast<double>(outputs), reach = std::max(1.0, scale);
  const auto longest = static_cast<int64_t>(std::ceil(reach)) * 2 + 1;
  Windows windows;
  windows.weights.resize(static_cast<size_t>(outputs * longest));
  std::vector<double> exact(static_cast<size_t>(longest));
  for (int64_t i = 0; i < outputs; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max(int64_t{0}, static_cast<int64_t>(centre - reach + 0.5)),
                  end = std::min(inputs, static_cast<int64_t>(centre + reach + 0.5));
    double sum = 0;
    for (int64_t x = first; x < end; ++x) {
      const double distance = std::abs((static_cast<double>(x) - centre + 0.5) * (1.0 / reach));
      sum += exact[static_cast<size_t>(x - first)] = std::max(0.0, 1.0 - distance);
    }
    int32_t* weights = windows.weights.data() + i * longest;
    for (int64_t x = 0; x < end - first; ++x)
      weights[x] = static_cast<int32_t>(0.5 + exact[static_cast<size_t>(x)] / sum * (1 << kBits));
    windows.of.push_back({first, end - first, weights});
  }
  return windows;
}

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kBits, 0, 255)); }

Image resize_rows(const Image& image, int64_t width) {
  const Windows windows = triangle_windows(image.width, width);
  Image result(image.height, width);
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t* out = result.row(y);
    for (const Windows::Window& window : windows.of) {
      int32_t sums[3] = {1 << (kBits - 1), 1 << (kBits - 1), 1 << (kBits - 1)};
      const uint8_t* in = image.row(y) + window.first * 3;
      for (int64_t x = 0; x < window.count; ++x)
        for (int channel = 0; channel < 3; ++channel) sums[channel] += *in++ * window.weights[x];
      for (const int32_t sum : sums) *out++ = rounded(sum);
    }
  }
  return result;
}

Image resize_columns(const Image& image, int64_t height) {
  const Windows windows = triangle_windows(image.height, height);
  Image result(height, image.width);
  std::vector<int32_t> sums(static_cast<size_t>(image.width * 3));
  for (int64_t y = 0; y < height; ++y) {
    const Windows::Window& window = windows.of[static_cast<size_t>(y)];
    std::ranges::fill(sums, 1 << (kBits - 1));
    for (int64_t i = 0; i < window.count; ++i) {
      const uint8_t* in = image.row(window.first + i);
      for (size_t x = 0; x < sums.size(); ++x) sums[x] += in[x] * window.weights[i];
    }
    std::ranges::transform(sums, result.row(y), rounded);
  }
  return result;
}

}  // namespace

Image resize_bilinear(const Image& image, int64_t height, int64_t width) {
  return resize_columns(resize_rows(image, width), height);
}

}  // namespace orrery::text
