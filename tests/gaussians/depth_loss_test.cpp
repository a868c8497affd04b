// Depths of points that photos saw.
#include "orrery/scene/gaussians/depth_loss.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

TEST(DepthLoss, IsTheMeanOfDisparitiesAndHasTheGradientOfDifferences) {
  // Too near, too far, two in one pixel, nearly transparent, masked.
  const std::vector<KnownDepth> points = {{0, 2}, {1, 2}, {2, 4}, {2, 1}, {3, 2}, {4, 2}};
  const std::vector<float> mask = {1, 1, 0.5, 1, 0};
  std::vector<float> alpha = {0.5, 1, 0.8, 0.001, 1}, depth = {0.5, 4, 1.6, 0.004, 1}, d_alpha(5), d_depth(5),
                     unused(5);
  const auto value = [&] { return depth_loss(points, 3, mask, alpha, depth, unused, unused); };
  const double loss = depth_loss(points, 3, mask, alpha, depth, d_alpha, d_depth);
  EXPECT_NEAR(loss, 3. / 6 * (0.5 + 0.25 + 0.25 + 0.5), 1e-6);
  for (std::vector<float>* values : {&alpha, &depth})
    for (size_t i = 0; i < 5; ++i) {
      constexpr float kStep = 1.f / 4096;
      const float before = (*values)[i];
      (*values)[i] = before + kStep;
      const double more = value();
      (*values)[i] = before - kStep;
      const double less = value();
      (*values)[i] = before;
      EXPECT_NEAR((values == &alpha ? d_alpha : d_depth)[i], (more - less) / (2 * kStep), 1e-3) << i;
    }
  EXPECT_EQ(d_alpha[3], 0);
  EXPECT_EQ(d_alpha[4], 0);
}

TEST(DepthLoss, ReachesTheGaussians) {
  ThreadPool pool(2);
  Turntable photos(4, 0, pool);
  photos.see_points();
  GaussianTable table = random_table(25, 4);
  table["opacity_logits"].value.detach().fill_(3);  // as in the test of poses
  table["log_scales"].value.detach().fill_(std::log(0.4));
  GaussianTask task(table, photos, nullptr, 4, {.depth_lambda = 10}, pool);  // most of the loss
  train::Metrics sums;
  task.loss_sum(0, 0, sums).backward();
  EXPECT_GT(sums.at("depth_loss"), 0.01);
  for (const char* name : {"means", "opacity_logits", "log_scales"}) {
    at::Tensor value = table[name].value.detach();
    const at::Tensor gradient = table[name].value.grad().clone(), first = value.clone(),
                     way = gradient / gradient.norm();
    const auto loss_at = [&](double step) {
      value.copy_(first + step * way);
      return task.loss_sum(0, 0, sums).item<double>();
    };
    constexpr double kStep = 1. / 512;
    const double difference = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    value.copy_(first);
    EXPECT_NEAR(difference, gradient.norm().item<double>(), 0.05 * gradient.norm().item<double>()) << name;
  }
}

/// Mean error of disparities, in extents, behind a short training.
double depth_error(double depth_lambda) {
  ThreadPool pool(2);
  Turntable photos(3, 0, pool);
  photos.see_points();
  GaussianTable table = random_table(60, 4);
  const text::TempFolder folder;
  GaussianOptions options{.depth_lambda = depth_lambda};
  options.densify_until_iter = 0;
  GaussianTask task(table, photos, nullptr, 4, options, pool);
  train::run(task, {.max_steps = 150,
                    .learning_rate = 1,
                    .schedule = {.lr_scheduler_type = train::ScheduleKind::kConstant},
                    .max_grad_norm = 0,
                    .output_dir = folder.path(),
                    .quiet = true});
  options.depth_lambda = 1;
  GaussianTask judge(table, photos, nullptr, 4, options, pool);
  train::Metrics sums;
  for (int64_t step = 0; step < 3; ++step) judge.loss_sum(step, 0, sums);
  return sums.at("depth_loss") / 3;
}

TEST(DepthLoss, DepthsComeOutBetter) {
  const double without = depth_error(0), with = depth_error(3);
  EXPECT_LT(with, 0.65 * without);
}

TEST(DepthLoss, PhotosWithoutPointsAreRefused) {
  ThreadPool pool(1);
  Turntable photos(2, 0, pool);
  GaussianTable table = random_table(5, 4);
  const std::string error =
      text::error_of([&] { GaussianTask(table, photos, nullptr, 4, {.depth_lambda = 0.01}, pool); });
  text::expect_contains(error, {"depth_lambda", "which points", "COLMAP"});
}

}  // namespace
}  // namespace orrery::scene
