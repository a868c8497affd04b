#include "orrery/kernels/photometric_loss/photometric_loss.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "tests/kernels/gaussian_scene.h"

namespace orrery::kernels {
namespace {

/// Two pictures alike, with values in 0…1.
struct Pair {
  Pair(int width_of, int height_of, bool masked, int seed) : width(width_of), height(height_of) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> draw;
    const size_t pixels = static_cast<size_t>(width) * height;
    for (size_t i = 0; i < 3 * pixels; ++i) {
      target.push_back(0.5f + 0.4f * std::sin(0.07f * static_cast<float>(i)) + 0.1f * draw(random));
      image.push_back(0.8f * target.back() + 0.2f * draw(random));
    }
    if (masked)
      for (size_t i = 0; i < pixels; ++i) mask.push_back(i % 5 == 0 ? 0.f : i % 7 == 0 ? 0.5f : 1.f);
    gradient.resize(3 * pixels);
  }
  PhotometricInput input() const { return {width, height, image, target, mask}; }
  int width, height;
  Floats image, target, mask, gradient;
};

TEST(PhotometricLoss, EqualsReferenceInValueAndGradient) {
  ThreadPool pool(2);
  // Smaller than the window; its size; across blocks in both directions.
  for (const auto& [width, height] : {std::pair{1, 1}, {5, 3}, {11, 11}, {40, 33}, {251, 12}, {13, 140}, {483, 17}}) {
    for (const SsimBorder border : {SsimBorder::kZeros, SsimBorder::kInside}) {
      if (border == SsimBorder::kInside && (width < 11 || height < 11)) continue;
      for (const bool masked : {false, true}) {
        const std::string what = std::to_string(width) + "×" + std::to_string(height) + (masked ? " masked" : "");
        Pair ours(width, height, masked, 1), theirs(width, height, masked, 1);
        const auto loss = photometric_loss(ours.input(), {.border = border}, ours.gradient, pool);
        const auto expected = photometric_loss_reference(theirs.input(), {.border = border}, theirs.gradient);
        EXPECT_NEAR(loss.loss, expected.loss, 1e-6) << what;
        EXPECT_NEAR(loss.l1, expected.l1, 1e-6) << what;
        EXPECT_NEAR(loss.ssim, expected.ssim, 2e-6) << what;
        for (int c = 0; c < 3; ++c) EXPECT_NEAR(loss.squared_error[c], expected.squared_error[c], 1e-7) << what;
        expect_close(ours.gradient, theirs.gradient, 3e-5f, 0, what);  // variances are differences of squares
        const auto without = photometric_loss(ours.input(), {.border = border}, {}, pool);
        EXPECT_EQ(without.loss, loss.loss);
      }
    }
  }
}

TEST(PhotometricLoss, ReferenceGradientIsTheSlope) {
  for (const SsimBorder border : {SsimBorder::kZeros, SsimBorder::kInside}) {
    Pair pair(13, 12, true, 2);
    for (size_t i = 0; i < pair.image.size(); ++i)  // no step crosses |x|'s kink
      if (std::abs(pair.image[i] - pair.target[i]) < 0.01f) pair.image[i] += 0.03f;
    photometric_loss_reference(pair.input(), {.border = border}, pair.gradient);
    const auto loss = [&] { return photometric_loss_reference(pair.input(), {.border = border}, {}).loss; };
    expect_slopes(pair.image, pair.gradient, 1.f / 1024, 1e-3f, loss, "image");
  }
}

TEST(PhotometricLoss, ThreadsChangeNoBit) {
  Pair one(500, 300, false, 3), three(500, 300, false, 3);
  ThreadPool alone(1), pool(3);
  const auto of_one = photometric_loss(one.input(), {}, one.gradient, alone);
  const auto of_three = photometric_loss(three.input(), {}, three.gradient, pool);
  EXPECT_EQ(of_one.loss, of_three.loss);
  EXPECT_EQ(of_one.ssim, of_three.ssim);
  EXPECT_EQ(one.gradient, three.gradient);
}

TEST(PhotometricLoss, NothingUnderAMaskOfZeroIsSeen) {
  ThreadPool pool(1);
  Pair first(30, 30, false, 4), second(30, 30, false, 4);
  first.mask.assign(900, 1.f);
  for (int y = 10; y < 20; ++y) std::fill_n(&first.mask[30 * y], 15, 0.f);
  second.mask = first.mask;
  for (size_t i = 0; i < 900; ++i)
    if (second.mask[i] == 0) second.image[3 * i] = 7;
  const auto one = photometric_loss(first.input(), {}, first.gradient, pool);
  const auto other = photometric_loss(second.input(), {}, second.gradient, pool);
  EXPECT_EQ(one.loss, other.loss);
  EXPECT_EQ(first.gradient, second.gradient);
  EXPECT_EQ(first.gradient[3 * (30 * 15 + 3)], 0);
  std::ranges::fill(first.mask, 0.f);
  EXPECT_EQ(photometric_loss(first.input(), {}, first.gradient, pool).loss, 0);
}

TEST(PhotometricLoss, EqualPicturesAreAlike) {
  ThreadPool pool(1);
  Pair pair(20, 20, false, 5);
  pair.image = pair.target;
  const auto loss = photometric_loss(pair.input(), {}, pair.gradient, pool);
  EXPECT_NEAR(loss.loss, 0, 1e-6);
  EXPECT_EQ(loss.l1, 0);
  EXPECT_TRUE(std::isinf(loss.psnr()));
}

TEST(PhotometricLoss, NoWindowInsideIsAnError) {
  ThreadPool pool(1);
  const Pair pair(20, 10, false, 6);
  EXPECT_THROW(photometric_loss(pair.input(), {.border = SsimBorder::kInside}, {}, pool), Error);
}

}  // namespace
}  // namespace orrery::kernels
