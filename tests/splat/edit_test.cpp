// What convert does between two files.
#include "orrery/splat/edit.h"

#include <gtest/gtest.h>

#include "orrery/splat/activation.h"
#include "orrery/splat/convert.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

std::array<double, 4> random_quaternion(std::mt19937& random) {
  std::normal_distribution<double> draw;
  return {draw(random), draw(random), draw(random), draw(random)};
}

Direction turned(const Matrix3& rotation, const Direction& d) {
  Direction result{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j) result[i] += rotation[i][j] * d[j];
  return result;
}

// The property that defines it: what was seen along d is seen along R d.
TEST(ShRotation, ColoursTurnWithTheScene) {
  std::mt19937 random(5);
  for (const int degree : {1, 2, 3}) {
    const Scene before = random_scene(6, degree);
    for (int trial = 0; trial < 20; ++trial) {
      const Matrix3 rotation = rotation_matrix(random_quaternion(random));
      Scene after = before;
      rotate_harmonics(rotation, after);
      for (int64_t n = 0; n < before.count(); ++n)
        for (int i = 0; i < 5; ++i) {
          const Direction d = random_direction(random);
          for (int channel = 0; channel < 3; ++channel)
            ASSERT_NEAR(sh_sum(after, n, channel, turned(rotation, d)), sh_sum(before, n, channel, d), 2e-6)
                << "degree " << degree;
        }
    }
  }
}

TEST(ShRotation, MatricesAreOrthogonalAndComposeAsRotationsDo) {
  std::mt19937 random(6);
  const Matrix3 a = rotation_matrix(random_quaternion(random)), b = rotation_matrix(random_quaternion(random));
  Matrix3 ab{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 3; ++k) ab[i][j] += a[i][k] * b[k][j];
  const auto of_a = sh_rotation(a), of_b = sh_rotation(b), of_ab = sh_rotation(ab);
  for (size_t degree = 1; degree <= 3; ++degree) {
    const size_t width = 2 * degree + 1;
    for (size_t i = 0; i < width; ++i)
      for (size_t j = 0; j < width; ++j) {
        double product = 0, square = 0;
        for (size_t k = 0; k < width; ++k) {
          product += of_a[degree - 1][i * width + k] * of_b[degree - 1][k * width + j];
          square += of_a[degree - 1][i * width + k] * of_a[degree - 1][j * width + k];
        }
        EXPECT_NEAR(product, of_ab[degree - 1][i * width + j], 1e-12) << degree;
        EXPECT_NEAR(square, i == j ? 1 : 0, 1e-12) << degree;
      }
  }
}

// The ellipsoid's matrix R S Sᵀ Rᵀ of Gaussian n.
Matrix3 covariance(const Scene& scene, int64_t n) {
  const float* q = scene.quats.data() + 4 * n;
  const Matrix3 axes = rotation_matrix({q[0], q[1], q[2], q[3]});
  Matrix3 result{};
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 3; ++k)
        result[i][j] += axes[i][k] * axes[j][k] * std::exp(2.0 * scene.log_scales[3 * static_cast<size_t>(n) + k]);
  return result;
}

TEST(Transform, MovesPlacesAndEllipsoidsTogether) {
  const Scene before = random_scene(20, 0);
  const Similarity move{.rotation = {0.3, -1.2, 0.5, 2}, .translation = {1, -2, 0.5}, .scale = 2.5};
  Scene after = before;
  transform(after, move);
  const Matrix3 rotation = rotation_matrix(move.rotation);
  for (int64_t n = 0; n < before.count(); ++n) {
    const float* mean = before.means.data() + 3 * n;
    const Direction place = turned(rotation, {mean[0], mean[1], mean[2]});
    const Matrix3 was = covariance(before, n), is = covariance(after, n);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(after.means[3 * static_cast<size_t>(n) + i], 2.5 * place[i] + move.translation[i], 2e-5);
      for (size_t j = 0; j < 3; ++j) {
        double want = 0;
        for (size_t k = 0; k < 3; ++k)
          for (size_t l = 0; l < 3; ++l) want += rotation[i][k] * was[k][l] * rotation[j][l];
        EXPECT_NEAR(is[i][j], 2.5 * 2.5 * want, 2e-6);
      }
    }
  }
}

TEST(Transform, AndItsInverseLeaveTheSceneAsItWas) {
  const Scene before = random_scene(20, 3);
  Scene after = before;
  transform(after, {.rotation = {1, 2, 3, 4}, .scale = 3});
  transform(after, {.rotation = {1, -2, -3, -4}, .scale = 1.0 / 3});
  for (size_t i = 0; i < before.means.size(); ++i) EXPECT_NEAR(after.means[i], before.means[i], 4e-6);
  for (size_t i = 0; i < before.log_scales.size(); ++i) EXPECT_NEAR(after.log_scales[i], before.log_scales[i], 2e-6);
  for (size_t i = 0; i < before.quats.size(); ++i) EXPECT_NEAR(after.quats[i], before.quats[i], 2e-6);
  for (size_t i = 0; i < before.sh.size(); ++i) EXPECT_NEAR(after.sh[i], before.sh[i], 2e-6);
}

TEST(Transform, EulerAnglesTurnAboutFixedAxes) {
  const Matrix3 about_x_then_z = rotation_matrix(quaternion_from_euler({90, 0, 90}));
  const Direction y = turned(about_x_then_z, {0, 1, 0});  // x turns it to z, which z leaves alone
  EXPECT_NEAR(y[2], 1, 1e-12);
  const Direction x = turned(about_x_then_z, {1, 0, 0});  // x leaves it alone, z turns it to y
  EXPECT_NEAR(x[1], 1, 1e-12);
}

TEST(Crop, KeepsCentresInTheBox) {
  const Scene scene = random_scene(500, 1);
  const Box box{{-1, -2, 0}, {1, 2, 4}};
  const Scene inside = cropped(scene, box);
  const Box found = bounding_box(inside);
  int64_t want = 0;
  for (int64_t n = 0; n < scene.count(); ++n) {
    const float* mean = scene.means.data() + 3 * n;
    want += std::abs(mean[0]) <= 1 && std::abs(mean[1]) <= 2 && mean[2] >= 0 && mean[2] <= 4;
  }
  EXPECT_EQ(inside.count(), want);
  for (size_t axis = 0; axis < 3; ++axis) {
    EXPECT_GE(found.min[axis], box.min[axis]);
    EXPECT_LE(found.max[axis], box.max[axis]);
  }
}

TEST(FilterScene, DropsWhatIsNoNumberFaintOrLarge) {
  Scene scene = random_scene(7, 1);
  scene.log_scales.assign(21, -3);
  scene.opacity_logits.assign(7, 2);
  scene.means[0] = std::nanf("");
  scene.sh[12 + 3] = std::numeric_limits<float>::infinity();
  for (int i = 8; i < 12; ++i) scene.quats[i] = 0;
  scene.opacity_logits[3] = -3;     // 0.047
  scene.log_scales[3 * 4 + 1] = 0;  // 1
  EXPECT_EQ(filtered(scene, {}).count(), 4);
  EXPECT_EQ(filtered(scene, {.drop_nan = false}).count(), 7);
  EXPECT_EQ(filtered(scene, {.min_opacity = 0.05f}).count(), 3);
  EXPECT_EQ(filtered(scene, {.max_scale = 0.5f}).count(), 3);
  EXPECT_EQ(filtered(scene, {.min_opacity = 0.05f, .max_scale = 0.5f}).count(), 2);
}

TEST(Decimate, KeepsTheMostImportantInTheirOrder) {
  const Scene scene = random_scene(300, 0);
  const std::vector<double> weights = importance(scene);
  const Scene kept = decimated(scene, 100);
  ASSERT_EQ(kept.count(), 100);
  std::vector<double> sorted = weights;
  std::ranges::sort(sorted, std::greater<>());
  const std::vector<double> left = importance(kept);
  EXPECT_EQ(*std::ranges::min_element(left), sorted[99]);
  int64_t from = 0;  // a subsequence of the scene
  for (int64_t n = 0; n < kept.count(); ++n, ++from) {
    while (from < scene.count() && scene.means[3 * from] != kept.means[3 * n]) ++from;
    ASSERT_LT(from, scene.count());
  }
  EXPECT_EQ(decimated(scene, 1000).count(), 300);
}

TEST(Prune, LeavesOutNoMoreThanItsShare) {
  const Scene scene = random_scene(400, 0);
  const auto sum = [](const Scene& of) {
    double all = 0;
    for (const double weight : importance(of)) all += weight;
    return all;
  };
  for (const double share : {0.0, 0.01, 0.3}) {
    const Scene kept = pruned(scene, share);
    EXPECT_GE(sum(kept), (1 - share) * sum(scene) * (1 - 1e-12)) << share;
    if (share > 0) {
      EXPECT_LT(kept.count(), 400) << share;
    }
  }
  EXPECT_LT(pruned(scene, 0.3).count(), pruned(scene, 0.01).count());
}

TEST(ShDegree, LeavesOutTheUpperHarmonics) {
  const Scene scene = random_scene(3, 3), lower = with_sh_degree(scene, 1);
  ASSERT_EQ(lower.sh.size(), 3u * 4 * 3);
  for (int64_t n = 0; n < 3; ++n)
    for (int i = 0; i < 12; ++i) EXPECT_EQ(lower.sh[12 * n + i], scene.sh[48 * n + i]);
  EXPECT_EQ(with_sh_degree(lower, 3).sh_degree, 1);
}

TEST(Merge, PutsScenesBehindEachOther) {
  Scene first = random_scene(2, 0, 1), second = random_scene(3, 2, 2);
  second.antialiased = true;
  const Scene both[] = {first, second};
  const Scene all = merged(both);
  EXPECT_EQ(all.count(), 5);
  EXPECT_EQ(all.sh_degree, 2);
  EXPECT_FALSE(all.antialiased);
  EXPECT_EQ(all.sh[27 + 2], first.sh[3 + 2]);
  EXPECT_EQ(all.sh[27 + 3], 0);
  EXPECT_EQ(all.sh[27 * 2 + 26], second.sh[26]);
  EXPECT_EQ(all.means[3 * 4], second.means[3 * 2]);
}

TEST(Convert, TakesItsStepsInOrder) {
  const TemporaryFolder folder;
  save(folder.path() / "a.ply", random_scene(200, 3, 1));
  save(folder.path() / "b.ply", random_scene(100, 1, 2));
  ConvertOptions options;
  options.merge = {folder.path() / "b.ply"};
  options.crop = Box{{-2, -2, -2}, {2, 2, 2}};
  options.transform.scale = 10;
  options.sh_degree = 2;
  options.decimate = 20;
  options.antialiased = true;
  const Conversion done = convert(folder.path() / "a.ply", folder.path() / "out.ksplat", options);
  EXPECT_EQ(done.read, 300);
  EXPECT_EQ(done.written, 20);
  EXPECT_EQ(done.read_degree, 3);
  EXPECT_EQ(done.written_degree, 2);
  EXPECT_TRUE(done.lost_antialiased);
  const Box box = bounding_box(load(folder.path() / "out.ksplat"));
  EXPECT_GT(box.max[0], 4);  // the box was meant in the input's axes
  EXPECT_LE(box.max[0], 20);
}

TEST(Convert, RefusesOptionsThatMeanNothing) {
  const auto refusal = [](const ConvertOptions& options) {
    return error_message([&] { convert("in.ply", "out.ply", options); });
  };
  EXPECT_CONTAINS(refusal({.transform = {.scale = 0}}), "scale: found 0, expected a number above 0");
  EXPECT_CONTAINS(refusal({.transform = {.rotation = {0, 0, 0, 0}}}), "a quaternion");
  EXPECT_CONTAINS(refusal({.sh_degree = 4}), "0 to 3");
  EXPECT_CONTAINS(refusal({.prune = 2}), "0 to 1");
  EXPECT_CONTAINS(refusal({.crop = Box{{1, 0, 0}, {0, 1, 1}}}), "the lower corner first");
}

}  // namespace
}  // namespace orrery::splat
