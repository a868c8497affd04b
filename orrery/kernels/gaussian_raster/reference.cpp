#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "orrery/kernels/gaussian_raster/gaussian_raster.h"
#include "orrery/kernels/gaussian_raster/rules.h"

namespace orrery::kernels {
namespace {

std::vector<int64_t> visible_by_depth(const RasterInput& input) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < input.size(); ++i)
    if (visible(input, i)) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](int64_t i) { return input.depths[i]; });
  return order;
}

PixelBox box_of(const RasterInput& input, int64_t i) {
  const PixelBox drawn = drawable(input, i);
  if (input.rules == GaussianRules::kInria) return drawn;
  return box_around(input.means2d[2 * i], input.means2d[2 * i + 1], input.radii[2 * i], input.radii[2 * i + 1], drawn);
}

/// Gaussian i at one pixel.
struct Contribution {
  int64_t pixel;
  double dx, dy, unclamped, alpha, transmittance;  // before it
};

/// Walks the pixels of one Gaussian after the other, front to back.
class Compositor {
 public:
  explicit Compositor(const RasterInput& input)
      : transmittance(static_cast<size_t>(input.width) * input.height, 1.0),
        input_(input),
        stopped_(transmittance.size()) {}

  template <class F>
  void composite(int64_t i, const F& contribute) {
    const double a = input_.conics[3 * i], b = input_.conics[3 * i + 1], c = input_.conics[3 * i + 2];
    double opacity = input_.opacities[i];
    if (!input_.compensations.empty()) opacity *= input_.compensations[i];
    const PixelBox box = box_of(input_, i);
    for (int y = box.y0; y <= box.y1; ++y) {
      for (int x = box.x0; x <= box.x1; ++x) {
        const int64_t pixel = static_cast<int64_t>(y) * input_.width + x;
        if (stopped_[pixel]) continue;
        const double dx = x + 0.5 - input_.means2d[2 * i], dy = y + 0.5 - input_.means2d[2 * i + 1];
        const double sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy;
        const double unclamped = opacity * std::exp(-sigma), alpha = std::min(kMostAlpha, unclamped);
        if (sigma < 0 || alpha < kFaintestAlpha) continue;
        const double next = transmittance[pixel] * (1 - alpha);
        stopped_[pixel] =
            input_.rules == GaussianRules::kExact ? next <= kLeastTransmittance : next < kLeastTransmittance;
        if (stopped_[pixel]) continue;
        contribute(Contribution{pixel, dx, dy, unclamped, alpha, transmittance[pixel]});
        transmittance[pixel] = next;
      }
    }
  }

  std::vector<double> transmittance;  // [height, width]

 private:
  const RasterInput& input_;
  std::vector<bool> stopped_;
};

}  // namespace

void gaussian_raster_reference(const RasterInput& input, const RasterOutput& output) {
  const int channels = input.channels;
  Compositor compositor(input);
  std::vector<double> image(output.image.size()), depth(output.alpha.size());
  std::ranges::fill(output.pixels_of_gaussian, 0);
  for (const int64_t i : visible_by_depth(input)) {
    compositor.composite(i, [&](const Contribution& at) {
      const double weight = at.alpha * at.transmittance;
      for (int c = 0; c < channels; ++c) image[at.pixel * channels + c] += weight * input.colours[i * channels + c];
      depth[at.pixel] += weight * input.depths[i];
      if (!output.pixels_of_gaussian.empty()) ++output.pixels_of_gaussian[i];
    });
  }
  for (size_t pixel = 0; pixel < depth.size(); ++pixel) {
    const double left = compositor.transmittance[pixel];
    for (int c = 0; c < channels; ++c) {
      const double behind = input.background.empty() ? 0 : left * input.background[c];
      output.image[pixel * channels + c] = static_cast<float>(image[pixel * channels + c] + behind);
    }
    output.alpha[pixel] = static_cast<float>(1 - left);
    if (!output.depth.empty()) output.depth[pixel] = static_cast<float>(depth[pixel]);
  }
}

namespace {

/// Sums of one Gaussian's gradients.
struct Sums {
  double mean[2] = {}, absolute[2] = {}, conic[3] = {}, depth = 0, opacity = 0, colour[kMostRasterChannels] = {};
};

void store(const RasterInput& input, int64_t i, const Sums& sums, const RasterGradient& to) {
  const auto put = [](double value, std::span<float> where, int64_t at) {
    if (!where.empty()) where[at] = static_cast<float>(value);
  };
  for (int axis = 0; axis < 2; ++axis) {
    put(sums.mean[axis], to.means2d, 2 * i + axis);
    put(sums.absolute[axis], to.means2d_absolute, 2 * i + axis);
  }
  for (int k = 0; k < 3; ++k) put(sums.conic[k], to.conics, 3 * i + k);
  for (int c = 0; c < input.channels; ++c) put(sums.colour[c], to.colours, i * input.channels + c);
  put(sums.depth, to.depths, i);
  const bool compensated = !input.compensations.empty();
  put(sums.opacity * (compensated ? input.compensations[i] : 1), to.opacities, i);
  put(sums.opacity * input.opacities[i], to.compensations, i);
}

}  // namespace

void gaussian_raster_backward_reference(const RasterInput& input, const RasterOutput& output,
                                        const RasterOutputGradient& d_output, const RasterGradient& gradient) {
  const int channels = input.channels;
  const auto d_image = [&](int64_t pixel, int c) {
    return d_output.image.empty() ? 0.0 : static_cast<double>(d_output.image[pixel * channels + c]);
  };
  const auto d_depth = [&](int64_t pixel) { return d_output.depth.empty() ? 0.0 : double{d_output.depth[pixel]}; };
  const auto d_alpha = [&](int64_t pixel) { return d_output.alpha.empty() ? 0.0 : double{d_output.alpha[pixel]}; };
  const auto background = [&](int c) { return input.background.empty() ? 0.0 : double{input.background[c]}; };
  for (const auto part : {gradient.means2d, gradient.conics, gradient.depths, gradient.colours, gradient.opacities,
                          gradient.compensations, gradient.means2d_absolute})
    std::ranges::fill(part, 0.f);

  // What weights give per unit, summed over all that contributes to a pixel, the background too.
  Compositor forward(input);
  std::vector<double> behind(output.alpha.size());
  const auto per_weight = [&](int64_t pixel, int64_t i) {
    double sum = d_depth(pixel) * input.depths[i];
    for (int c = 0; c < channels; ++c) sum += d_image(pixel, c) * input.colours[i * channels + c];
    return sum;
  };
  const std::vector<int64_t> order = visible_by_depth(input);
  for (const int64_t i : order)
    forward.composite(
        i, [&](const Contribution& at) { behind[at.pixel] += at.alpha * at.transmittance * per_weight(at.pixel, i); });
  std::vector<double> d_background(channels);
  for (size_t pixel = 0; pixel < behind.size(); ++pixel) {
    const double left = forward.transmittance[pixel];
    behind[pixel] -= left * d_alpha(pixel);
    for (int c = 0; c < channels; ++c) {
      behind[pixel] += left * d_image(pixel, c) * background(c);
      d_background[c] += left * d_image(pixel, c);
    }
  }
  for (size_t c = 0; c < gradient.background.size(); ++c) gradient.background[c] = static_cast<float>(d_background[c]);

  Compositor compositor(input);
  for (const int64_t i : order) {
    Sums sums;
    const double a = input.conics[3 * i], b = input.conics[3 * i + 1], c = input.conics[3 * i + 2];
    double opacity = input.opacities[i];
    if (!input.compensations.empty()) opacity *= input.compensations[i];
    compositor.composite(i, [&](const Contribution& at) {
      const double weight = at.alpha * at.transmittance, own = per_weight(at.pixel, i);
      behind[at.pixel] -= weight * own;
      for (int k = 0; k < channels; ++k) sums.colour[k] += weight * d_image(at.pixel, k);
      sums.depth += weight * d_depth(at.pixel);
      if (input.rules == GaussianRules::kExact && at.unclamped > kMostAlpha) return;
      const double d_alpha_here = at.transmittance * own - behind[at.pixel] / (1 - at.alpha);
      const double d_sigma = -at.unclamped * d_alpha_here;
      const double d_mean[2] = {-d_sigma * (a * at.dx + b * at.dy), -d_sigma * (b * at.dx + c * at.dy)};
      for (int axis = 0; axis < 2; ++axis) {
        sums.mean[axis] += d_mean[axis];
        sums.absolute[axis] += std::abs(d_mean[axis]);
      }
      sums.conic[0] += 0.5 * d_sigma * at.dx * at.dx;
      sums.conic[1] += d_sigma * at.dx * at.dy;
      sums.conic[2] += 0.5 * d_sigma * at.dy * at.dy;
      sums.opacity += at.unclamped / opacity * d_alpha_here;
    });
    store(input, i, sums, gradient);
  }
}

}  // namespace orrery::kernels
