// Random Gaussians before a camera, for the kernels' tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "tests/kernels/random_values.h"

namespace orrery::kernels {

using Floats = std::vector<float>;

/// A camera turned by a few degrees, its principal point off the centre.
inline View tilted_view(Projection projection, int width, int height) {
  const auto size = static_cast<float>(width);
  View view{.projection = projection, .width = width, .height = height};
  view.fx = 0.9f * size, view.fy = 0.85f * size, view.cx = 0.45f * size, view.cy = 0.55f * static_cast<float>(height);
  view.camera_from_world = {0.98f, 0.1f,  -0.17f, 0.1f, -0.08f, 0.99f, 0.12f, -0.2f,
                            0.18f, -0.1f, 0.978f, 0.3f, 0,      0,     0,     1};
  return view;
}

/// Means around the axis at depths of about 2 to 6, some behind the camera and beside the picture; needles among them.
struct GaussianScene {
  GaussianScene(size_t size, int seed, float size_of_one = 0.1f) {
    std::mt19937 random(seed);
    means = random_values(3 * size, random), quats = random_values(4 * size, random);
    scales = random_values(3 * size, random), opacities = random_values(size, random);
    for (size_t i = 0; i < size; ++i) {
      means[3 * i + 2] = 3.5f + 1.2f * means[3 * i + 2];
      if (i % 13 == 5) means[3 * i + 2] -= 5;
      opacities[i] = 1 / (1 + std::exp(-2 * opacities[i]));
    }
    for (float& value : scales) value = size_of_one * std::exp(0.7f * value);
    for (size_t i = 0; i < size; i += 10) scales[3 * i] *= 20;
    means2d.resize(2 * size), depths.resize(size), conics.resize(3 * size), compensations.resize(size);
    radii.resize(2 * size);
  }
  Gaussians gaussians() const { return {means, quats, scales}; }
  ProjectedGaussians projected() { return {means2d, depths, conics, compensations, radii}; }
  size_t size() const { return opacities.size(); }

  Floats means, quats, scales, opacities;
  Floats means2d, depths, conics, compensations;
  std::vector<int32_t> radii;
};

inline float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// All but a share of `strays` of the values differ by at most `share` of the largest: a value may stand so near a
/// threshold that float32 and float64 decide differently.
inline void expect_close(std::span<const float> ours, std::span<const float> theirs, float share, double strays,
                         const std::string& what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  const float tolerance = share * largest_of(theirs) + 1e-30f;
  size_t others = 0, worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    others += !(std::abs(ours[i] - theirs[i]) <= tolerance);
    if (!(std::abs(ours[i] - theirs[i]) <= std::abs(ours[worst] - theirs[worst]))) worst = i;
  }
  EXPECT_LE(static_cast<double>(others), strays * static_cast<double>(ours.size()))
      << what << ": " << others << " of " << ours.size() << " differ; worst, " << worst << ", is " << ours[worst]
      << ", expected " << theirs[worst] << " within " << tolerance;
}

/// The derivative of loss() by each of `inputs`, which it reads, by central differences; held to `gradient`.
template <class Loss>
void expect_slopes(std::span<float> inputs, std::span<const float> gradient, float step, float share, const Loss& loss,
                   const std::string& what) {
  ASSERT_EQ(inputs.size(), gradient.size()) << what;
  Floats slopes(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const float value = inputs[i], above = value + step, below = value - step;
    inputs[i] = above;
    const double more = loss();
    inputs[i] = below;
    const double less = loss();
    inputs[i] = value;
    slopes[i] = static_cast<float>((more - less) / (static_cast<double>(above) - below));
  }
  expect_close(gradient, slopes, share, 0, what);
}

inline double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace orrery::kernels
