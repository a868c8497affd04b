#include "orrery/scene/gaussians/depth_loss.h"

#include <algorithm>
#include <cmath>

namespace orrery::scene {

namespace {
constexpr float kFaint = 0.01f;  // less alpha has no depth to speak of, and gradients that grow as 1/alpha
}

double depth_loss(std::span<const KnownDepth> points, double weight, std::span<const float> mask,
                  std::span<const float> alpha, std::span<const float> depth, std::span<float> d_alpha,
                  std::span<float> d_depth) {
  std::ranges::fill(d_alpha, 0.f);
  std::ranges::fill(d_depth, 0.f);
  const double share = weight / static_cast<double>(std::max<size_t>(1, points.size()));
  double loss = 0;
  for (const auto& [pixel, z] : points) {
    if (alpha[pixel] < kFaint || (!mask.empty() && mask[pixel] == 0)) continue;
    const double drawn = static_cast<double>(alpha[pixel]) / depth[pixel], difference = drawn - 1. / z;
    const double d_drawn = difference > 0 ? share : -share;
    loss += share * std::abs(difference);
    d_alpha[pixel] += static_cast<float>(d_drawn / depth[pixel]);
    d_depth[pixel] -= static_cast<float>(d_drawn * drawn / depth[pixel]);
  }
  return loss;
}

}  // namespace orrery::scene
