#include "orrery/kernels/gaussian_project/gaussian_project.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/kernels/gaussian_scene.h"

namespace orrery::kernels {
namespace {

/// Cotangents of all outputs, and room for the gradients.
struct Gradients {
  Gradients(size_t size, int seed) : d_means(3 * size), d_quats(4 * size), d_scales(3 * size) {
    std::mt19937 random(seed);
    means2d = random_values(2 * size, random), conics = random_values(3 * size, random);
    depths = random_values(size, random), compensations = random_values(size, random);
  }
  ProjectedGradient of_outputs() const { return {means2d, conics, depths, compensations}; }
  GaussiansGradient of_inputs() { return {d_means, d_quats, d_scales}; }

  Floats means2d, conics, depths, compensations, d_means, d_quats, d_scales;
};

constexpr Projection kProjections[] = {Projection::kPinhole, Projection::kFisheye};
constexpr GaussianRules kRules[] = {GaussianRules::kExact, GaussianRules::kInria};

TEST(GaussianProject, EqualsReferenceInValueAndGradient) {
  ThreadPool pool(2);
  for (const size_t size : {1, 7, 8, 9, 600}) {  // below, at and past one vector; more than one piece
    for (const Projection projection : kProjections) {
      for (const GaussianRules rules : kRules) {
        for (const bool with_opacities : {false, true}) {
          const std::string what = std::to_string(size) +
                                   (projection == Projection::kPinhole ? " pinhole" : " fisheye") +
                                   (rules == GaussianRules::kExact ? " exact" : " inria");
          const View view = tilted_view(projection, 120, 80);
          GaussianScene ours(size, 3), theirs(size, 3);
          Gaussians gaussians = ours.gaussians();
          if (with_opacities) gaussians.opacities = ours.opacities;
          gaussian_project(gaussians, view, rules, ours.projected(), pool);
          gaussian_project_reference(gaussians, view, rules, theirs.projected());
          EXPECT_EQ(ours.radii, theirs.radii) << what;
          expect_close(ours.means2d, theirs.means2d, 2e-6f, 0, what + " means2d");
          expect_close(ours.depths, theirs.depths, 1e-6f, 0, what + " depths");
          expect_close(ours.conics, theirs.conics, 1e-5f, 0, what + " conics");
          expect_close(ours.compensations, theirs.compensations, 2e-6f, 0, what + " compensations");

          Gradients gradients(size, 4), expected(size, 4);
          const auto d_pose = gaussian_project_backward(gaussians, view, rules, theirs.radii, gradients.of_outputs(),
                                                        gradients.of_inputs(), pool);
          const auto expected_pose = gaussian_project_backward_reference(gaussians, view, rules, theirs.radii,
                                                                         expected.of_outputs(), expected.of_inputs());
          expect_close(gradients.d_means, expected.d_means, 2e-4f, 2e-3, what + " d_means");
          expect_close(gradients.d_quats, expected.d_quats, 2e-4f, 2e-3, what + " d_quats");
          expect_close(gradients.d_scales, expected.d_scales, 2e-4f, 2e-3, what + " d_scales");
          expect_close(d_pose, expected_pose, 2e-4f, 0, what + " d_pose");
        }
      }
    }
  }
}

// The slope of the reference's own outputs. What is clamped has none by INRIA's rules, so that those are not asked.
TEST(GaussianProject, ReferenceGradientIsTheSlope) {
  for (const Projection projection : kProjections) {
    constexpr size_t kSize = 12;
    View view = tilted_view(projection, 120, 80);
    GaussianScene scene(kSize, 8, 0.3f);
    // One on the fisheye's axis, where the closed forms are 0/0: camera x = y = 0.
    if (projection == Projection::kFisheye) view.camera_from_world = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    scene.means[3] = scene.means[4] = 0;
    Gradients gradients(kSize, 9);
    gaussian_project_reference(scene.gaussians(), view, GaussianRules::kExact, scene.projected());
    const std::vector<int32_t> radii = scene.radii;
    for (size_t i = 0; i < kSize; ++i) {  // culled ones give nothing, also where a step makes them visible
      if (radii[2 * i] > 0) continue;
      gradients.means2d[2 * i] = gradients.means2d[2 * i + 1] = gradients.depths[i] = gradients.compensations[i] = 0;
      std::fill_n(&gradients.conics[3 * i], 3, 0.f);
    }
    const auto d_pose = gaussian_project_backward_reference(scene.gaussians(), view, GaussianRules::kExact, radii,
                                                            gradients.of_outputs(), gradients.of_inputs());
    const auto loss = [&] {
      gaussian_project_reference(scene.gaussians(), view, GaussianRules::kExact, scene.projected());
      return dot(scene.means2d, gradients.means2d) + dot(scene.conics, gradients.conics) +
             dot(scene.depths, gradients.depths) + dot(scene.compensations, gradients.compensations);
    };
    // 2^-9: its square, the differences' own error, and a float32 output's rounding over it are both about 1e-5.
    constexpr float kStep = 1.f / 512, kShare = 2e-3f;
    expect_slopes(scene.means, gradients.d_means, kStep, kShare, loss, "means");
    expect_slopes(scene.quats, gradients.d_quats, kStep, kShare, loss, "quats");
    expect_slopes(scene.scales, gradients.d_scales, kStep, kShare, loss, "scales");
    expect_slopes(std::span(view.camera_from_world).first(12), std::span(d_pose).first(12), kStep, kShare, loss,
                  "pose");
  }
}

TEST(GaussianProject, ThreadsChangeNoBit) {
  constexpr size_t kSize = 3000;
  const View view = tilted_view(Projection::kPinhole, 120, 80);
  GaussianScene one(kSize, 5), three(kSize, 5);
  Gradients of_one(kSize, 6), of_three(kSize, 6);
  ThreadPool alone(1), pool(3);
  gaussian_project(one.gaussians(), view, GaussianRules::kExact, one.projected(), alone);
  gaussian_project(three.gaussians(), view, GaussianRules::kExact, three.projected(), pool);
  const auto pose_of_one = gaussian_project_backward(one.gaussians(), view, GaussianRules::kExact, one.radii,
                                                     of_one.of_outputs(), of_one.of_inputs(), alone);
  const auto pose_of_three = gaussian_project_backward(three.gaussians(), view, GaussianRules::kExact, three.radii,
                                                       of_three.of_outputs(), of_three.of_inputs(), pool);
  EXPECT_EQ(one.means2d, three.means2d);
  EXPECT_EQ(one.radii, three.radii);
  EXPECT_EQ(of_one.d_means, of_three.d_means);
  EXPECT_EQ(of_one.d_quats, of_three.d_quats);
  EXPECT_EQ(pose_of_one, pose_of_three);
}

// A broken row is culled or stays a number; the others do not notice.
TEST(GaussianProject, BrokenRowsHarmNothing) {
  const View view = tilted_view(Projection::kPinhole, 120, 80);
  ThreadPool pool(1);
  for (const GaussianRules rules : kRules) {
    GaussianScene whole(9, 7), broken(9, 7);
    const float nan = std::numeric_limits<float>::quiet_NaN(), endless = std::numeric_limits<float>::infinity();
    broken.means[0] = nan;
    broken.scales[4] = endless;
    broken.scales[8] = nan;
    std::fill_n(&broken.quats[12], 4, 0.f);
    gaussian_project(whole.gaussians(), view, rules, whole.projected(), pool);
    gaussian_project(broken.gaussians(), view, rules, broken.projected(), pool);
    EXPECT_EQ(broken.radii[0], 0);
    EXPECT_TRUE(std::isfinite(broken.conics[9]));
    for (size_t i = 4; i < 9; ++i) EXPECT_EQ(broken.conics[3 * i], whole.conics[3 * i]) << i;
  }
}

}  // namespace
}  // namespace orrery::kernels
