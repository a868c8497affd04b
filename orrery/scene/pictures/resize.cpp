#include "orrery/scene/pictures/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace orrery::scene {
namespace {

/// One pixel of the result along an axis: weights of source pixels from `first` on, which sum to 1.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

/// The share of source pixel i in the result's pixel that covers [begin, end).
double weight(int i, double begin, double end, Resampling resampling) {
  if (resampling == Resampling::kArea) return std::max(0.0, std::min(i + 1.0, end) - std::max<double>(i, begin));
  const double x = (i + 0.5 - (begin + end) / 2) / (end - begin);
  return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

std::vector<Taps> taps_of(int from, int to, Resampling resampling) {
  std::vector<Taps> all(static_cast<size_t>(to));
  const double scale = static_cast<double>(from) / to, reach = resampling == Resampling::kArea ? 0 : 2.5 * scale;
  for (int o = 0; o < to; ++o) {
    const double begin = o * scale, end = (o + 1) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(begin - reach))),
              last = std::min(from, static_cast<int>(std::ceil(end + reach)));
    Taps& taps = all[static_cast<size_t>(o)];
    taps.first = first;
    double sum = 0;
    for (int i = first; i < last; ++i) sum += weight(i, begin, end, resampling);
    for (int i = first; i < last; ++i)
      taps.weights.push_back(static_cast<float>(weight(i, begin, end, resampling) / sum));
  }
  return all;
}

/// Planes [height, width, channels] of floats.
struct Planes {
  int width, height, channels;
  std::vector<float> values;
  Planes(int width_, int height_, int channels_)
      : width(width_),
        height(height_),
        channels(channels_),
        values(static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels)) {}
  float* row(int y) { return &values[static_cast<size_t>(y) * static_cast<size_t>(width * channels)]; }
  const float* row(int y) const { return &values[static_cast<size_t>(y) * static_cast<size_t>(width * channels)]; }
};

Planes resized_planes(const Planes& in, int width, int height, Resampling resampling, ThreadPool& pool) {
  const std::vector<Taps> columns = taps_of(in.width, width, resampling), rows = taps_of(in.height, height, resampling);
  Planes narrow(width, in.height, in.channels), out(width, height, in.channels);
  pool.run(in.height, [&](int64_t y, int) {
    const float* from = in.row(static_cast<int>(y));
    float* to = narrow.row(static_cast<int>(y));
    for (const Taps& taps : columns)
      for (int c = 0; c < in.channels; ++c) {
        float sum = 0;
        for (size_t i = 0; i < taps.weights.size(); ++i)
          sum += taps.weights[i] * from[(taps.first + static_cast<int>(i)) * in.channels + c];
        *to++ = sum;
      }
  });
  pool.run(height, [&](int64_t y, int) {
    const Taps& taps = rows[static_cast<size_t>(y)];
    float* to = out.row(static_cast<int>(y));
    for (size_t i = 0; i < taps.weights.size(); ++i) {
      const float* from = narrow.row(taps.first + static_cast<int>(i));
      for (int x = 0; x < width * in.channels; ++x) to[x] += taps.weights[i] * from[x];
    }
  });
  return out;
}

uint8_t rounded(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

/// Colours times alpha, and alpha, in 0 … 255.
Planes premultiplied(const Picture& picture) {
  Planes planes(picture.width, picture.height, picture.channels);
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t i = 0; i < planes.values.size(); i += channels) {
    const float alpha = channels == 4 ? static_cast<float>(picture.pixels[i + 3]) / 255 : 1;
    for (size_t c = 0; c < 3; ++c) planes.values[i + c] = static_cast<float>(picture.pixels[i + c]) * alpha;
    if (channels == 4) planes.values[i + 3] = static_cast<float>(picture.pixels[i + 3]);
  }
  return planes;
}

}  // namespace

std::string_view description(Resampling resampling) {
  return resampling == Resampling::kArea ? "mean over the area (box filter)" : "Lanczos (3 lobes)";
}

Picture resized(const Picture& picture, int width, int height, Resampling resampling, ThreadPool& pool) {
  const Planes planes = resized_planes(premultiplied(picture), width, height, resampling, pool);
  Picture out{.width = width, .height = height, .channels = picture.channels};
  out.pixels.resize(planes.values.size());
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t i = 0; i < planes.values.size(); i += channels) {
    const float alpha = channels == 4 ? std::clamp(planes.values[i + 3], 0.0f, 255.0f) / 255 : 1;
    for (size_t c = 0; c < 3; ++c) out.pixels[i + c] = alpha > 0 ? rounded(planes.values[i + c] / alpha) : 0;
    if (channels == 4) out.pixels[i + 3] = rounded(255 * alpha);
  }
  if (picture.mask.empty()) return out;
  Planes mask(picture.width, picture.height, 1);
  std::ranges::copy(picture.mask, mask.values.begin());
  const Planes small = resized_planes(mask, width, height, Resampling::kArea, pool);
  out.mask.resize(small.values.size());
  std::ranges::transform(small.values, out.mask.begin(), rounded);
  return out;
}

}  // namespace orrery::scene
