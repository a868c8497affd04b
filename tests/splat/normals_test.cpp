// Normals' gradient, against differences of a picture in plain loops in double.
#include "orrery/splat/normals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "orrery/base/error.h"
#include "orrery/splat/cameras.h"
#include "orrery/splat/edit.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

constexpr int kColumns = 9, kLines = 7;

/// What a loss is made of: weights of image, alpha, depth and normals.
struct Weights {
  std::vector<float> image, alpha, depth, normals;
};

Weights random_weights() {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> draw(-1, 1);
  const auto some = [&](size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = draw(random);
    return values;
  };
  constexpr size_t kPixels = kColumns * kLines;
  return {some(3 * kPixels), some(kPixels), some(kPixels), some(3 * kPixels)};
}

/// Parameters and the pose as one list of numbers, so that each can be moved.
struct Numbers {
  explicit Numbers(const Scene& scene, const View& view) {
    for (const auto* part : {&scene.means, &scene.log_scales, &scene.quats, &scene.opacity_logits, &scene.sh})
      values.insert(values.end(), part->begin(), part->end());
    values.insert(values.end(), view.camera_from_world.begin(), view.camera_from_world.begin() + 12);
    count = static_cast<size_t>(scene.count());
  }
  const double* means(size_t i) const { return &values[3 * i]; }
  const double* log_scales(size_t i) const { return &values[3 * count + 3 * i]; }
  const double* quat(size_t i) const { return &values[6 * count + 4 * i]; }
  double logit(size_t i) const { return values[10 * count + i]; }
  const double* sh(size_t i) const { return &values[11 * count + 3 * i]; }
  const double* pose() const { return &values[14 * count]; }

  size_t count;
  std::vector<double> values;
};

/// A Gaussian as a picture sees it (Kerbl et al. 2023, sec. 4).
struct Seen {
  double x, y, z, a, b, c, opacity;
  std::array<double, 6> colour_and_normal;
};

Seen seen(const Numbers& numbers, size_t i, const View& view) {
  const double *m = numbers.pose(), *mean = numbers.means(i), *q = numbers.quat(i);
  const Matrix3 rotation = rotation_matrix({q[0], q[1], q[2], q[3]});
  std::array<double, 3> p{};
  Matrix3 axes{};  // columns: the Gaussian's axes in the camera's
  for (size_t row = 0; row < 3; ++row) {
    p[row] = m[4 * row + 3];
    for (size_t k = 0; k < 3; ++k) {
      p[row] += m[4 * row + k] * mean[k];
      for (size_t j = 0; j < 3; ++j) axes[row][j] += m[4 * row + k] * rotation[k][j];
    }
  }
  const double slopes[2][3] = {{view.fx / p[2], 0, -view.fx * p[0] / (p[2] * p[2])},
                               {0, view.fy / p[2], -view.fy * p[1] / (p[2] * p[2])}};
  double cov[2][2] = {{0.3, 0}, {0, 0.3}};
  for (size_t j = 0; j < 3; ++j) {
    double along[2] = {};
    for (size_t r = 0; r < 2; ++r)
      for (size_t row = 0; row < 3; ++row)
        along[r] += slopes[r][row] * axes[row][j] * std::exp(numbers.log_scales(i)[j]);
    for (size_t r = 0; r < 2; ++r)
      for (size_t s = 0; s < 2; ++s) cov[r][s] += along[r] * along[s];
  }
  const double det = cov[0][0] * cov[1][1] - cov[0][1] * cov[0][1];
  Seen result{view.fx * p[0] / p[2] + view.cx,
              view.fy * p[1] / p[2] + view.cy,
              p[2],
              cov[1][1] / det,
              -cov[0][1] / det,
              cov[0][0] / det,
              1 / (1 + std::exp(-numbers.logit(i))),
              {}};
  const double* scales = numbers.log_scales(i);
  const auto shortest = static_cast<size_t>(std::min_element(scales, scales + 3) - scales);
  double along = 0;
  for (size_t row = 0; row < 3; ++row) along += axes[row][shortest] * p[row];
  for (size_t k = 0; k < 3; ++k) {
    result.colour_and_normal[k] = std::max(0.0, 0.5 + 0.28209479177387814 * numbers.sh(i)[k]);
    result.colour_and_normal[3 + k] = along > 0 ? -axes[k][shortest] : axes[k][shortest];
  }
  return result;
}

double loss_of(const Numbers& numbers, const View& view, const Weights& weights) {
  std::vector<Seen> all;
  for (size_t i = 0; i < numbers.count; ++i) all.push_back(seen(numbers, i, view));
  std::ranges::sort(all, {}, &Seen::z);
  double loss = 0;
  for (size_t pixel = 0; pixel < weights.alpha.size(); ++pixel) {
    std::array<double, 6> sums{};
    double left = 1, depth = 0;
    for (const Seen& one : all) {
      const double dx = static_cast<double>(pixel % kColumns) + 0.5 - one.x,
                   dy = static_cast<double>(pixel / kColumns) + 0.5 - one.y;
      const double alpha = one.opacity * std::exp(-0.5 * (one.a * dx * dx + one.c * dy * dy) - one.b * dx * dy);
      EXPECT_GT(alpha, 1. / 255);  // or the picture would not be smooth
      for (size_t k = 0; k < 6; ++k) sums[k] += left * alpha * one.colour_and_normal[k];
      depth += left * alpha * one.z;
      left *= 1 - alpha;
    }
    const double length = std::hypot(sums[3], sums[4], sums[5]);
    for (size_t k = 0; k < 3; ++k)
      loss += weights.image[3 * pixel + k] * sums[k] + weights.normals[3 * pixel + k] * sums[3 + k] / length;
    loss += weights.alpha[pixel] * (1 - left) + weights.depth[pixel] * depth;
  }
  return loss;
}

/// Wider than the picture, flatter along an axis of each one's own, quaternions of any length.
Scene smooth_scene() {
  Scene scene = random_scene(6, 0, 11);
  for (size_t i = 0; i < scene.means.size(); ++i) scene.means[i] *= 0.1f;
  for (size_t i = 0; i < scene.log_scales.size(); ++i)
    scene.log_scales[i] = i % 3 == i / 3 % 3 ? 0.6f : 1 + 0.05f * (scene.log_scales[i] + 6);
  for (float& logit : scene.opacity_logits) logit = 0.2f * logit;
  return scene;
}

Parameters<const float> parameters_of(const Scene& scene) {
  return {scene.means, scene.log_scales, scene.quats, scene.opacity_logits, scene.sh};
}

/// In the order of Numbers, by the renderer.
std::vector<double> gradient_of(Renderer& renderer, const Scene& scene, const View& view,
                                const DrawnGradient& d_drawn) {
  Scene d = Scene::zeros(scene.count(), scene.sh_degree);
  const std::array<float, 16> d_pose =
      renderer.backward(parameters_of(scene), d_drawn, {d.means, d.log_scales, d.quats, d.opacity_logits, d.sh});
  View of_pose = view;
  of_pose.camera_from_world = d_pose;
  return Numbers(d, of_pose).values;
}

TEST(Normals, GradientIsThatOfDifferencesInDouble) {
  const Scene scene = smooth_scene();
  const View view = look_at({0.3f, -0.5f, -4}, {0, 0, 0}, {0, -1, 0}, kColumns, kLines, 60);
  const Weights all = random_weights();
  Weights of_normals = all;
  for (auto* part : {&of_normals.image, &of_normals.alpha, &of_normals.depth}) std::ranges::fill(*part, 0.f);
  ThreadPool pool(2);
  Renderer renderer(pool);
  renderer.draw(parameters_of(scene), view, {.depth = true, .normals = true});
  Numbers numbers(scene, view);
  double drawn = 0;
  for (size_t i = 0; i < all.normals.size(); ++i) drawn += double{all.normals[i]} * renderer.normals()[i];
  EXPECT_NEAR(drawn, loss_of(numbers, view, of_normals), 1e-4);

  for (const auto& [weights, d_drawn] :
       {std::pair{all, DrawnGradient{all.image, all.alpha, all.depth, all.normals}},
        {of_normals, DrawnGradient{.image = {}, .alpha = {}, .depth = {}, .normals = all.normals}}}) {
    const std::vector<double> gradient = gradient_of(renderer, scene, view, d_drawn);
    ASSERT_EQ(gradient.size(), numbers.values.size());
    double largest = 0;
    for (const double value : gradient) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < gradient.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double first = numbers.values[i];
      numbers.values[i] = first + kStep;
      const double above = loss_of(numbers, view, weights);
      numbers.values[i] = first - kStep;
      const double below = loss_of(numbers, view, weights);
      numbers.values[i] = first;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-5 * largest) << i;
    }
  }
}

TEST(Normals, PicturesGradientsAreTheSameWithAndWithoutThem) {
  const Scene scene = random_scene(5000, 2, 5);
  const View view = look_at({1, -2, -9}, {0, 0, 0}, {0, -1, 0}, 64, 48, 60);
  ThreadPool one(1), three(3);
  Renderer with(three), without(one);
  std::vector<float> d_image(3 * 64 * 48), d_normals(d_image.size());
  std::mt19937 random(4);
  std::uniform_real_distribution<float> draw(-1, 1);
  for (float& value : d_image) value = draw(random);
  for (float& value : d_normals) value = draw(random);
  with.draw(parameters_of(scene), view, {.normals = true});
  without.draw(parameters_of(scene), view, {});
  const std::vector<double> joint = gradient_of(with, scene, view, {.image = d_image}),
                            alone = gradient_of(without, scene, view, {.image = d_image});
  const double largest = std::abs(*std::ranges::max_element(alone, {}, [](double value) { return std::abs(value); }));
  for (size_t i = 0; i < alone.size(); ++i) ASSERT_NEAR(joint[i], alone[i], 1e-6 * largest) << i;  // other sums' order
  const DrawnGradient both{.image = d_image, .alpha = {}, .depth = {}, .normals = d_normals};
  const std::vector<double> of_three = gradient_of(with, scene, view, both);
  without.draw(parameters_of(scene), view, {.normals = true});
  EXPECT_EQ(gradient_of(without, scene, view, both), of_three) << "threads";
}

TEST(Normals, WhatWasNotDrawnHasNoGradient) {
  const Scene scene = smooth_scene();
  const View view = look_at({0, 0, -4}, {0, 0, 0}, {0, -1, 0}, kColumns, kLines, 60);
  ThreadPool pool(1);
  Renderer renderer(pool);
  renderer.draw(parameters_of(scene), view, {});
  const std::vector<float> d_normals(3 * kColumns * kLines, 1.f);
  const std::string message = error_message(
      [&] { gradient_of(renderer, scene, view, {.image = {}, .alpha = {}, .depth = {}, .normals = d_normals}); });
  EXPECT_TRUE(contains(message, "normals"));
  EXPECT_TRUE(contains(message, "not drawn"));
}

}  // namespace
}  // namespace orrery::splat
