// Poses that are corrected while Gaussians learn.
#include "orrery/scene/gaussians/pose.h"

#include <gtest/gtest.h>

#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

constexpr std::array<float, 6> kSomewhere = {0.3f, -0.2f, 0.5f, 0.1f, 0.4f, -0.3f};

TEST(Pose, NoCorrectionChangesNoBit) {
  const View view = view_at(0.7);
  EXPECT_EQ(corrected(view, std::array<float, 6>{}, 3).camera_from_world, view.camera_from_world);
}

TEST(Pose, TheCameraTurnsWhereItStandsThenMoves) {
  const View view = view_at(0.7);
  const View turned = corrected(view, std::array<float, 6>{0, 0, M_PI / 2, 0, 0, 0}, 3);
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(turned.centre()[k], view.centre()[k], 1e-6);
    EXPECT_NEAR(turned.camera_from_world[k], -view.camera_from_world[4 + k], 1e-6);  // its x is what was -y
  }
  const View moved = corrected(view, std::array<float, 6>{0, 0, 0, 0, 0, 0.5}, 3);
  for (size_t k = 0; k < 3; ++k)  // what it sees comes nearer by z + 1.5
    EXPECT_NEAR(moved.centre()[k], view.centre()[k] - 1.5 * view.camera_from_world[8 + k], 1e-6);
  const auto& m = corrected(view, kSomewhere, 3).camera_from_world;
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      EXPECT_NEAR(m[4 * i] * m[4 * j] + m[4 * i + 1] * m[4 * j + 1] + m[4 * i + 2] * m[4 * j + 2], i == j, 1e-6);
}

TEST(Pose, GradientIsThatOfDifferences) {
  const View view = view_at(0.7);
  RandomStream random(1, "weights");
  std::array<float, 16> weights{};
  for (size_t i = 0; i < 12; ++i) weights[i] = static_cast<float>(random.normal());
  for (const float size : {0.f, 1e-5f, 1.f}) {
    std::array<float, 6> at;
    for (size_t i = 0; i < 6; ++i) at[i] = size * kSomewhere[i];
    const std::array<double, 6> gradient = correction_gradient(view, at, 3, weights);
    for (size_t i = 0; i < 6; ++i) {
      const auto value = [&](float off) {
        std::array<float, 6> there = at;
        there[i] += off;
        const View moved = corrected(view, there, 3);
        double sum = 0;
        for (size_t k = 0; k < 16; ++k) sum += static_cast<double>(weights[k]) * moved.camera_from_world[k];
        return sum;
      };
      constexpr float kStep = 1.f / 256;
      EXPECT_NEAR(gradient[i], (value(kStep) - value(-kStep)) / (2 * kStep), 1e-3) << size << ' ' << i;
    }
  }
}

TEST(Pose, TheLossHasTheGradientOfDifferences) {
  ThreadPool pool(2);
  Turntable photos(4, 0, pool);
  photos.misplace(0.02);
  GaussianTable table = random_table(25, 4);
  // Where a Gaussian ends, at 1/255 of light, differences see a step that the gradient does not; less so of large ones.
  table["opacity_logits"].value.detach().fill_(3);
  table["log_scales"].value.detach().fill_(std::log(0.4));
  GaussianTask task(table, photos, nullptr, 4, {.pose_lr = 1e-3}, pool);
  at::Tensor poses = task.parameters().at("poses");
  train::Metrics sums;
  task.loss_sum(0, 0, sums).backward();
  const at::Tensor gradient = poses.grad();
  const at::Tensor rows = gradient.abs().sum(1).nonzero();
  ASSERT_EQ(rows.numel(), 1) << "one photo's row learns";
  const at::NoGradGuard without_gradients;
  for (int64_t i = 0; i < 6; ++i) {
    at::Tensor number = poses[rows.item<int64_t>()][i];
    const auto value = [&](double at) {
      number.fill_(at);
      return task.loss_sum(0, 0, sums).item<double>();
    };
    constexpr double kStep = 1. / 1024;  // below it the pixels' roundings show, above it what enters and leaves them
    const double difference = (value(kStep) - value(-kStep)) / (2 * kStep);
    number.fill_(0);
    EXPECT_NEAR(gradient[rows.item<int64_t>()][i].item<double>(), difference,
                0.05 * gradient.abs().max().item<double>())
        << i;
  }
}

/// Mean distance of what the task has of the cameras' axes and places from the truth.
double pose_error(const Turntable& photos, const std::function<View(size_t)>& view_of) {
  double sum = 0;
  for (size_t photo = 0; photo < photos.size(); ++photo) {
    double squares = 0;
    for (size_t k = 0; k < 12; ++k)
      squares += std::pow(view_of(photo).camera_from_world[k] - photos.truth(photo).camera_from_world[k], 2);
    sum += std::sqrt(squares);
  }
  return sum / static_cast<double>(photos.size());
}

struct Refined {
  double psnr = 0, error_before = 0, error = 0;
};

/// The truth is seen from where it is held to be seen from; what learns begins as the truth, grey and faint.
Refined refined(double pose_lr) {
  ThreadPool pool(2);
  Turntable photos(8, 0, pool);
  photos.misplace(0.015);
  GaussianTable table = random_table(60, 3);
  const text::TempFolder folder;
  GaussianOptions options{.sh_degree = 1, .max_steps = 400, .densify_until_iter = 0};
  options.pose_lr = pose_lr;
  GaussianTask task(table, photos, nullptr, 4, options, pool);
  train::run(task, {.max_steps = 400,
                    .learning_rate = 1,
                    .schedule = {.lr_scheduler_type = train::ScheduleKind::kConstant},
                    .max_grad_norm = 0,
                    .output_dir = folder.path(),
                    .quiet = true});
  Refined result{.error_before = pose_error(photos, [&](size_t photo) { return photos.view(photo); }),
                 .error = pose_error(photos, [&](size_t photo) { return task.view(photo); })};
  for (int64_t step = 0; step < 8; ++step) {  // an epoch: all photos
    train::Metrics sums;
    task.loss_sum(step, 0, sums);
    result.psnr += sums["psnr"] / 8;
  }
  return result;
}

TEST(Pose, WhatIsMisplacedComesBackAndThePicturesWithIt) {
  const Refined without = refined(0), with = refined(2e-3);
  EXPECT_EQ(without.error, without.error_before);
  EXPECT_LT(with.error, 0.5 * with.error_before);
  EXPECT_GT(with.psnr, without.psnr + 5);
}

}  // namespace
}  // namespace orrery::scene
