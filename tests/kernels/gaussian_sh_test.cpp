#include "orrery/kernels/gaussian_sh/gaussian_sh.h"

#include <gtest/gtest.h>

#include "tests/kernels/gaussian_scene.h"

namespace orrery::kernels {
namespace {

struct Directions {
  Directions(size_t size, int per_gaussian, int seed) {
    std::mt19937 random(seed);
    means = random_values(3 * size, random), coefficients = random_values(3 * size * per_gaussian, random);
    d_colours = random_values(3 * size, random);
    colours.resize(3 * size), d_means.resize(3 * size), d_coefficients.resize(coefficients.size());
  }
  GaussianSh sh(int degree) const {
    return {.degree = degree, .centre = {0.3f, -0.2f, 5}, .means = means, .coefficients = coefficients};
  }
  Floats means, coefficients, d_colours, colours, d_means, d_coefficients;
};

TEST(GaussianSh, EqualsReferenceInValueAndGradient) {
  ThreadPool pool(2);
  for (const size_t size : {1, 7, 8, 9, 17, 1100}) {  // below, at and past one vector; more than one piece
    for (int degree = 0; degree <= 3; ++degree) {
      for (const int per_gaussian : {(degree + 1) * (degree + 1), 16}) {
        const std::string what = std::to_string(size) + " of degree " + std::to_string(degree);
        Directions ours(size, per_gaussian, 1), theirs(size, per_gaussian, 1);
        std::ranges::fill(ours.d_means, 2.f), std::ranges::fill(theirs.d_means, 2.f);  // is added to
        gaussian_sh(ours.sh(degree), ours.colours, pool);
        gaussian_sh_reference(theirs.sh(degree), theirs.colours);
        expect_close(ours.colours, theirs.colours, 1e-6f, 0, what);
        const auto d_centre =
            gaussian_sh_backward(ours.sh(degree), ours.d_colours, {ours.d_coefficients, ours.d_means}, pool);
        const auto expected = gaussian_sh_backward_reference(theirs.sh(degree), theirs.d_colours,
                                                             {theirs.d_coefficients, theirs.d_means});
        expect_close(ours.d_coefficients, theirs.d_coefficients, 2e-6f, 0, what + " d_coefficients");
        expect_close(ours.d_means, theirs.d_means, 4e-6f, 0, what + " d_means");
        expect_close(d_centre, expected, 4e-6f, 0, what + " d_centre");
      }
    }
  }
}

// The DC of 0/255, as points have it that are black in a channel: ½ + c0·it is 0 but for rounding.
TEST(GaussianSh, BlackPointsLearn) {
  ThreadPool pool(1);
  Directions all(2, 1, 3);
  std::ranges::fill(all.coefficients, -0.5f / 0.28209479177387814f);
  std::ranges::fill(all.d_colours, 1.f);
  for (int c = 3; c < 6; ++c) all.coefficients[c] -= 1e-4f;  // the second one's were clamped
  const GaussianSh sh = all.sh(0);
  for (const bool plain : {false, true}) {
    if (plain)
      gaussian_sh_backward_reference(sh, all.d_colours, {all.d_coefficients, all.d_means});
    else
      gaussian_sh_backward(sh, all.d_colours, {all.d_coefficients, all.d_means}, pool);
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(all.d_coefficients[c], 0.2820948f, 1e-6f) << plain;
    for (int c = 3; c < 6; ++c) EXPECT_EQ(all.d_coefficients[c], 0) << plain;
  }
}

TEST(GaussianSh, ReferenceGradientIsTheSlope) {
  constexpr size_t kSize = 5;
  Directions all(kSize, 16, 2);
  for (size_t i = 0; i < all.coefficients.size(); i += 48)
    for (int c = 0; c < 3; ++c) all.coefficients[i + c] += 20;  // no colour comes near its clamp
  GaussianSh sh = all.sh(3);
  sh.centre = {0.5f, 0.2f, 1};
  const auto d_centre = gaussian_sh_backward_reference(sh, all.d_colours, {all.d_coefficients, all.d_means});
  const auto loss = [&] {
    gaussian_sh_reference(sh, all.colours);
    return dot(all.colours, all.d_colours);
  };
  expect_slopes(all.coefficients, all.d_coefficients, 1.f / 128, 1e-3f, loss, "coefficients");
  expect_slopes(all.means, all.d_means, 1.f / 512, 2e-3f, loss, "means");
  expect_slopes(sh.centre, d_centre, 1.f / 512, 2e-3f, loss, "centre");
}

TEST(GaussianSh, ThreadsChangeNoBit) {
  Directions one(3000, 16, 3), three(3000, 16, 3);
  ThreadPool alone(1), pool(3);
  gaussian_sh(one.sh(3), one.colours, alone);
  gaussian_sh(three.sh(3), three.colours, pool);
  EXPECT_EQ(one.colours, three.colours);
  const auto of_one = gaussian_sh_backward(one.sh(3), one.d_colours, {one.d_coefficients, one.d_means}, alone);
  const auto of_three = gaussian_sh_backward(three.sh(3), three.d_colours, {three.d_coefficients, three.d_means}, pool);
  EXPECT_EQ(of_one, of_three);
  EXPECT_EQ(one.d_means, three.d_means);
  EXPECT_EQ(one.d_coefficients, three.d_coefficients);
}

// Each half alone, and coefficients some rows at a time, as who has no memory for all of them wants them.
TEST(GaussianSh, PartsOfTheGradientAreTheWholeBitForBit) {
  ThreadPool pool(2);
  for (const int degree : {1, 3}) {
    Directions whole(1500, 16, 5), parts(1500, 16, 5);
    const GaussianSh sh = parts.sh(degree);
    const auto d_centre =
        gaussian_sh_backward(whole.sh(degree), whole.d_colours, {whole.d_coefficients, whole.d_means}, pool);
    EXPECT_EQ(d_centre, gaussian_sh_backward(sh, parts.d_colours, {{}, parts.d_means}, pool));
    EXPECT_EQ(whole.d_means, parts.d_means);
    const std::span<float> to = parts.d_coefficients;
    for (const auto& [first, last] : {std::pair{0, 3}, {3, 700}, {700, 1500}}) {
      const size_t at = first, count = last - first;
      gaussian_sh_backward({.degree = degree,
                            .centre = sh.centre,
                            .means = sh.means.subspan(3 * at, 3 * count),
                            .coefficients = sh.coefficients.subspan(48 * at, 48 * count)},
                           std::span(parts.d_colours).subspan(3 * at, 3 * count), {to.subspan(48 * at, 48 * count), {}},
                           pool);
    }
    EXPECT_EQ(whole.d_coefficients, parts.d_coefficients);
  }
}

// A Gaussian in the camera's centre has no direction: its DC colour, and no NaN.
TEST(GaussianSh, InTheCentreThereIsNoDirection) {
  Directions one(1, 16, 4);
  GaussianSh sh = one.sh(3);
  std::ranges::copy(sh.centre, one.means.begin());
  ThreadPool pool(1);
  gaussian_sh(sh, one.colours, pool);
  gaussian_sh_backward(sh, one.d_colours, {one.d_coefficients, one.d_means}, pool);
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(one.colours[c], std::max(0.f, 0.5f + 0.28209479f * one.coefficients[c]), 1e-6f);
    EXPECT_TRUE(std::isfinite(one.d_means[c]));
  }
}

}  // namespace
}  // namespace orrery::kernels
