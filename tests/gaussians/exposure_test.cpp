// Exposures that are learned beside Gaussians.
#include "orrery/scene/gaussians/exposure.h"

#include <gtest/gtest.h>

#include "tests/gaussians/psnr_of_truth.h"
#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

constexpr std::array<float, 12> kIdentity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};

std::vector<float> random_values(size_t count, const char* name) {
  RandomStream random(1, name);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform());
  return values;
}

TEST(Exposure, TheIdentityChangesNoBit) {
  ThreadPool pool(2);
  const std::vector<float> image = random_values(3 * 10000, "image");
  std::vector<float> exposed(image.size()), gradient = image;
  expose(kIdentity, image, exposed, pool);
  EXPECT_EQ(exposed, image);
  expose_backward(kIdentity, image, gradient, pool);
  EXPECT_EQ(gradient, image);
}

TEST(Exposure, ColoursAreRowsAndTheLastColumnIsAdded) {
  ThreadPool pool(1);
  const std::vector<float> image = {1, 10, 100};
  std::vector<float> exposed(3);
  expose(std::array<float, 12>{1, 2, 3, 0.5, 4, 5, 6, 0.25, 7, 8, 9, 0}, image, exposed, pool);
  EXPECT_EQ(exposed, (std::vector<float>{741.5, 852.25, 963}));
}

// 9,000 pixels: two whole pieces and a part, of one thread and of three.
TEST(Exposure, GradientIsThatOfDifferencesOnAnyNumberOfThreads) {
  ThreadPool one(1), three(3);
  const std::vector<float> image = random_values(3 * 9000, "image"), weights = random_values(3 * 9000, "weights");
  std::vector<float> numbers = random_values(12, "numbers");
  const auto exposure = [&] { return Exposure(std::span(numbers).first<12>()); };
  const auto value = [&](const std::vector<float>& of) {
    std::vector<float> exposed(of.size());
    expose(exposure(), of, exposed, one);
    double sum = 0;
    for (size_t i = 0; i < exposed.size(); ++i) sum += static_cast<double>(weights[i]) * exposed[i];
    return sum;
  };
  std::vector<float> d_image = weights, d_image_of_three = weights;
  const std::array<double, 12> gradient = expose_backward(exposure(), image, d_image, one);
  EXPECT_EQ(expose_backward(exposure(), image, d_image_of_three, three), gradient);
  EXPECT_EQ(d_image_of_three, d_image);
  const double before = value(image);  // linear in each number: any step will do
  for (size_t i = 0; i < 12; ++i) {
    numbers[i] += 1;
    const double after = value(image);
    numbers[i] -= 1;
    EXPECT_NEAR(gradient[i], after - before, 1e-5 * std::abs(gradient[i])) << i;
  }
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}, image.size() - 1}) {
    std::vector<float> other = image;
    other[i] += 100;
    EXPECT_NEAR(d_image[i], (value(other) - before) / 100, 1e-5) << i;
  }
}

TEST(Exposure, TheLossHasTheGradientOfDifferences) {
  ThreadPool pool(2);
  Turntable photos(4, 0, pool);
  photos.expose_by(0.2);
  GaussianTable table = random_table(25, 4);
  GaussianTask task(table, photos, nullptr, 4, {.exposure = true}, pool);
  const at::Tensor exposures = task.parameters().at("exposures");
  train::Metrics sums;
  task.loss_sum(0, 0, sums).backward();
  const at::Tensor gradient = exposures.grad().view({4, 12});
  const at::Tensor rows = gradient.abs().sum(1).nonzero();
  ASSERT_EQ(rows.numel(), 1) << "one photo's row learns";
  const at::NoGradGuard without_gradients;
  for (int64_t i = 0; i < 12; ++i) {
    at::Tensor number = exposures.view({4, 12})[rows.item<int64_t>()][i];
    const double first = number.item<double>();
    const auto value = [&](double at) {
      number.fill_(at);
      return task.loss_sum(0, 0, sums).item<double>();
    };
    constexpr double kStep = 1. / 1024;
    const double difference = (value(first + kStep) - value(first - kStep)) / (2 * kStep);
    number.fill_(first);
    EXPECT_NEAR(gradient[rows.item<int64_t>()][i].item<double>(), difference,
                0.01 * gradient.abs().max().item<double>())
        << i;
  }
}

TEST(Exposure, WhatPhotosDisagreeInIsNotTheScenes) {
  const auto differ = [](Turntable& photos) { photos.expose_by(0.3); };
  const double without = psnr_of_truth(differ, {}), with = psnr_of_truth(differ, {.exposure = true});
  EXPECT_GT(with, without + 3);
}

}  // namespace
}  // namespace orrery::scene
