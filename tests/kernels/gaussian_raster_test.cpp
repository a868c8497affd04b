#include "orrery/kernels/gaussian_raster/gaussian_raster.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "tests/kernels/gaussian_scene.h"

namespace orrery::kernels {
namespace {

/// A scene's picture, its cotangents and the gradients, by either implementation.
struct Frame {
  Frame(const GaussianScene& scene_of, int width_of, int height_of, int channels_of, bool depth, int seed)
      : scene(scene_of), width(width_of), height(height_of), channels(channels_of), with_depth(depth) {
    std::mt19937 random(seed);
    const size_t n = scene.size(), pixels = static_cast<size_t>(width) * height;
    colours = random_values(n * channels, random), background = random_values(channels, random);
    d_image = random_values(pixels * channels, random), d_alpha = random_values(pixels, random);
    if (depth) d_depth = random_values(pixels, random), this->depth.resize(pixels);
    image.resize(pixels * channels), alpha.resize(pixels), pixels_of.resize(n);
    d_means2d.resize(2 * n), d_conics.resize(3 * n), d_depths.resize(n), d_colours.resize(n * channels);
    d_opacities.resize(n), d_compensations.resize(n), d_background.resize(channels), d_absolute.resize(2 * n);
  }
  RasterInput input() const {
    return {.rules = rules,
            .width = width,
            .height = height,
            .means2d = scene.means2d,
            .depths = scene.depths,
            .conics = scene.conics,
            .radii = scene.radii,
            .opacities = scene.opacities,
            .compensations = compensated ? std::span<const float>(scene.compensations) : std::span<const float>(),
            .channels = channels,
            .colours = colours,
            .background = background};
  }
  RasterOutput output() { return {image, alpha, depth, pixels_of}; }
  RasterOutputGradient d_output() const { return {d_image, d_alpha, d_depth}; }
  RasterGradient gradient() {
    return {d_means2d, d_conics, d_depths, d_colours, d_opacities, d_compensations, d_background, d_absolute};
  }
  void run(ThreadPool& pool) { run(pool, memory); }
  void run(ThreadPool& pool, RasterMemory& in) {
    gaussian_raster(input(), output(), in, pool);
    gaussian_raster_backward(input(), output(), d_output(), gradient(), in, pool);
  }
  void run_reference() {
    gaussian_raster_reference(input(), output());
    gaussian_raster_backward_reference(input(), output(), d_output(), gradient());
  }

  GaussianScene scene;
  int width, height, channels;
  bool with_depth;
  GaussianRules rules = GaussianRules::kExact;
  bool compensated = false;
  Floats colours, background, d_image, d_alpha, d_depth, image, alpha, depth;
  Floats d_means2d, d_conics, d_depths, d_colours, d_opacities, d_compensations, d_background, d_absolute;
  std::vector<int32_t> pixels_of;
  RasterMemory memory;
};

GaussianScene projected_scene(size_t size, int width, int height, GaussianRules rules, int seed, float size_of_one) {
  GaussianScene scene(size, seed, size_of_one);
  gaussian_project_reference(scene.gaussians(), tilted_view(Projection::kPinhole, width, height), rules,
                             scene.projected());
  return scene;
}

/// A pixel at the border of an ellipse may decide otherwise in float32; it then is off by up to 1/255.
void expect_same(Frame& ours, Frame& theirs, const std::string& what) {
  constexpr double kStrays = 5e-3;
  // Along a needle the terms of its conic are hundreds of times their sum, and float32 keeps 6e-8 of the terms.
  constexpr float kValue = 2e-4f;
  expect_close(ours.image, theirs.image, kValue, kStrays, what + " image");
  expect_close(ours.alpha, theirs.alpha, kValue, kStrays, what + " alpha");
  if (ours.with_depth) expect_close(ours.depth, theirs.depth, kValue, kStrays, what + " depth");
  int64_t different = 0, most = 0;
  for (size_t i = 0; i < ours.pixels_of.size(); ++i) {
    different += std::abs(ours.pixels_of[i] - theirs.pixels_of[i]);
    most += theirs.pixels_of[i];
  }
  EXPECT_LE(static_cast<double>(different), 1e-4 * static_cast<double>(most) + 1) << what;
  constexpr float kGradient = 2e-4f;
  expect_close(ours.d_means2d, theirs.d_means2d, kGradient, kStrays, what + " d_means2d");
  expect_close(ours.d_absolute, theirs.d_absolute, kGradient, kStrays, what + " d_absolute");
  expect_close(ours.d_conics, theirs.d_conics, kGradient, kStrays, what + " d_conics");
  expect_close(ours.d_colours, theirs.d_colours, kGradient, kStrays, what + " d_colours");
  expect_close(ours.d_opacities, theirs.d_opacities, kGradient, kStrays, what + " d_opacities");
  expect_close(ours.d_background, theirs.d_background, kGradient, 0, what + " d_background");
  if (ours.with_depth) expect_close(ours.d_depths, theirs.d_depths, kGradient, kStrays, what + " d_depths");
  if (ours.compensated)
    expect_close(ours.d_compensations, theirs.d_compensations, kGradient, kStrays, what + " d_compensations");
}

TEST(GaussianRaster, EqualsReferenceInValueAndGradient) {
  ThreadPool pool(2);
  for (const auto& [width, height] : {std::pair{1, 1}, {16, 16}, {17, 9}, {52, 40}, {130, 70}}) {
    for (const float size_of_one : {0.02f, 0.3f}) {  // a few pixels; most of the picture
      for (const GaussianRules rules : {GaussianRules::kExact, GaussianRules::kInria}) {
        for (const bool compensated : {false, true}) {
          const std::string what = std::to_string(width) + "×" + std::to_string(height) + ", " +
                                   std::to_string(size_of_one) + (rules == GaussianRules::kInria ? " inria" : "");
          const auto scene = projected_scene(400, width, height, rules, 1, size_of_one);
          Frame ours(scene, width, height, 3, compensated, 2), theirs(scene, width, height, 3, compensated, 2);
          for (Frame* frame : {&ours, &theirs}) frame->rules = rules, frame->compensated = compensated;
          ours.run(pool);
          theirs.run_reference();
          expect_same(ours, theirs, what);
        }
      }
    }
  }
}

TEST(GaussianRaster, AnyNumberOfChannels) {
  ThreadPool pool(1);
  const auto scene = projected_scene(200, 40, 30, GaussianRules::kExact, 3, 0.1f);
  for (int channels = 1; channels <= kMostRasterChannels; ++channels) {
    for (const bool depth : {false, true}) {
      if (channels + depth > kMostRasterChannels) continue;
      Frame ours(scene, 40, 30, channels, depth, 4), theirs(scene, 40, 30, channels, depth, 4);
      ours.run(pool);
      theirs.run_reference();
      expect_same(ours, theirs, std::to_string(channels) + (depth ? " with depth" : ""));
    }
  }
}

// Layers that let 1 % through: the pixel stops after two of them, and what is behind a layer is divided by 0.01.
TEST(GaussianRaster, NearlyOpaqueLayersKeepTheirGradients) {
  ThreadPool pool(1);
  auto scene = projected_scene(300, 64, 48, GaussianRules::kExact, 5, 0.3f);
  for (size_t i = 0; i < scene.size(); ++i) scene.opacities[i] = i % 3 == 0 ? 0.9899f : i % 3 == 1 ? 1.f : 0.6f;
  for (const GaussianRules rules : {GaussianRules::kExact, GaussianRules::kInria}) {
    Frame ours(scene, 64, 48, 3, false, 6), theirs(scene, 64, 48, 3, false, 6);
    ours.rules = theirs.rules = rules;
    ours.run(pool);
    theirs.run_reference();
    expect_same(ours, theirs, rules == GaussianRules::kExact ? "exact" : "inria");
  }
}

// Of the projection's low-pass alone, wherever they stand in a block of pixels: alpha falls by 2^-80 within four rows.
TEST(GaussianRaster, TheSmallestReachAllTheirPixels) {
  constexpr int kApart = 7, kAcross = 9, kSide = kApart * (kAcross + 1);
  GaussianScene scene(kAcross * kAcross, 14);
  for (size_t i = 0; i < scene.size(); ++i) {
    const auto x = static_cast<float>(i % kAcross), y = static_cast<float>(i / kAcross);
    scene.means2d[2 * i] = kApart * (1 + x) + 0.13f * y, scene.means2d[2 * i + 1] = kApart * (1 + y) + 0.11f * x;
    scene.conics[3 * i] = scene.conics[3 * i + 2] = 1 / 0.3f, scene.conics[3 * i + 1] = 0;
    scene.opacities[i] = 0.98f, scene.depths[i] = 1;
    scene.radii[2 * i] = scene.radii[2 * i + 1] = 2;
  }
  ThreadPool pool(1);
  Frame ours(scene, kSide, kSide, 1, false, 15), theirs(scene, kSide, kSide, 1, false, 15);
  ours.run(pool);
  theirs.run_reference();
  EXPECT_EQ(ours.pixels_of, theirs.pixels_of);
  expect_close(ours.alpha, theirs.alpha, 1e-5f, 0, "alpha");
  expect_close(ours.d_conics, theirs.d_conics, 1e-5f, 0, "d_conics");
}

// Every pixel is well inside every ellipse, so that the loss is smooth.
TEST(GaussianRaster, ReferenceGradientIsTheSlope) {
  constexpr int kWidth = 9, kHeight = 7;
  GaussianScene scene(5, 7);
  std::mt19937 random(8);
  for (size_t i = 0; i < scene.size(); ++i) {
    const Floats at = random_values(6, random);
    scene.means2d[2 * i] = 4.5f + at[0], scene.means2d[2 * i + 1] = 3.5f + at[1];
    scene.conics[3 * i] = 0.02f + 0.005f * std::tanh(at[2]), scene.conics[3 * i + 1] = 0.005f * std::tanh(at[3]);
    scene.conics[3 * i + 2] = 0.03f + 0.005f * std::tanh(at[4]);
    scene.opacities[i] = 0.4f + 0.2f * std::tanh(at[5]);
    scene.compensations[i] = 0.8f;
    scene.depths[i] = 2 + static_cast<float>(i);
    scene.radii[2 * i] = scene.radii[2 * i + 1] = 60;
  }
  for (const bool compensated : {false, true}) {
    Frame frame(scene, kWidth, kHeight, 3, true, 9);
    frame.compensated = compensated;
    frame.run_reference();
    const auto loss = [&] {
      gaussian_raster_reference(frame.input(), frame.output());
      return dot(frame.image, frame.d_image) + dot(frame.alpha, frame.d_alpha) + dot(frame.depth, frame.d_depth);
    };
    constexpr float kStep = 1.f / 1024, kShare = 2e-3f;
    expect_slopes(frame.scene.means2d, frame.d_means2d, 1.f / 64, kShare, loss, "means2d");
    expect_slopes(frame.scene.conics, frame.d_conics, kStep / 16, kShare, loss, "conics");
    expect_slopes(frame.scene.opacities, frame.d_opacities, kStep, kShare, loss, "opacities");
    expect_slopes(frame.scene.depths, frame.d_depths, 1.f / 64, kShare, loss, "depths");
    expect_slopes(frame.colours, frame.d_colours, 1.f / 64, kShare, loss, "colours");
    expect_slopes(frame.background, frame.d_background, 1.f / 64, kShare, loss, "background");
    if (compensated)
      expect_slopes(frame.scene.compensations, frame.d_compensations, kStep, kShare, loss, "compensations");
  }
}

TEST(GaussianRaster, ThreadsChangeNoBit) {
  const auto scene = projected_scene(20000, 200, 150, GaussianRules::kExact, 10, 0.02f);  // past what one chunk sorts
  Frame one(scene, 200, 150, 3, true, 11), three(scene, 200, 150, 3, true, 11);
  ThreadPool alone(1), pool(3);
  one.run(alone);
  three.run(pool);
  EXPECT_EQ(one.image, three.image);
  EXPECT_EQ(one.depth, three.depth);
  EXPECT_EQ(one.pixels_of, three.pixels_of);
  EXPECT_EQ(one.d_means2d, three.d_means2d);
  EXPECT_EQ(one.d_absolute, three.d_absolute);
  EXPECT_EQ(one.d_conics, three.d_conics);
  EXPECT_EQ(one.d_colours, three.d_colours);
  EXPECT_EQ(one.d_background, three.d_background);
}

TEST(GaussianRaster, MemoryIsUsedAgain) {
  ThreadPool pool(2);
  RasterMemory memory;
  for (const auto& [size, side] : {std::pair{300, 90}, {50, 40}, {0, 20}, {200, 70}}) {
    const auto scene = projected_scene(size, side, side, GaussianRules::kExact, 12, 0.1f);
    Frame fresh(scene, side, side, 3, true, 13), used(scene, side, side, 3, true, 13);
    fresh.run(pool);
    used.run(pool, memory);
    EXPECT_EQ(fresh.image, used.image);
    EXPECT_EQ(fresh.d_means2d, used.d_means2d);
    EXPECT_EQ(fresh.d_opacities, used.d_opacities);
    EXPECT_EQ(fresh.pixels_of, used.pixels_of);
  }
}

// Two of one depth, in front and behind by their rows.
TEST(GaussianRaster, EqualDepthsKeepTheirOrder) {
  GaussianScene scene(2, 1);
  scene.means2d = {8, 8, 8, 8}, scene.depths = {1, 1}, scene.conics = {0.1f, 0, 0.1f, 0.1f, 0, 0.1f};
  scene.opacities = {0.9f, 0.9f}, scene.radii = {12, 12, 12, 12};
  Frame frame(scene, 16, 16, 1, false, 1);
  frame.colours = {1, 0}, frame.background = {0};
  ThreadPool pool(1);
  frame.run(pool);
  EXPECT_GT(frame.image[8 * 16 + 8], 0.85f);
}

TEST(GaussianRaster, WithoutGaussiansThereIsBackground) {
  ThreadPool pool(1);
  Frame frame(GaussianScene(0, 1), 20, 20, 3, true, 1);
  frame.run(pool);
  for (size_t i = 0; i < frame.image.size(); ++i) EXPECT_EQ(frame.image[i], frame.background[i % 3]);
  for (const float alpha : frame.alpha) EXPECT_EQ(alpha, 0);
}

TEST(GaussianRaster, WrongSizesAreNamed) {
  ThreadPool pool(1);
  Frame wide(GaussianScene(1, 1), 20, 20, 3, true, 1), many(GaussianScene(1, 1), 20, 20, 8, true, 1);
  wide.width = 40000;
  EXPECT_THROW(gaussian_raster(wide.input(), wide.output(), wide.memory, pool), Error);
  EXPECT_THROW(gaussian_raster(many.input(), many.output(), many.memory, pool), Error);
}

TEST(GaussianRaster, ViewspaceNormsAreOfTheVisible) {
  const Floats d_means2d = {3, 4, 1, 1, 0, 2};
  const std::vector<int32_t> radii = {5, 5, 0, 5, 1, 1};
  Floats norms = {1, 1, 1}, counts = {0, 0, 7};
  add_viewspace_norms(200, 100, d_means2d, radii, norms, counts);
  EXPECT_FLOAT_EQ(norms[0], 1 + std::hypot(300.f, 200.f));
  EXPECT_EQ(norms[1], 1);
  EXPECT_FLOAT_EQ(norms[2], 101);
  EXPECT_EQ(counts, (Floats{1, 0, 8}));
}

}  // namespace
}  // namespace orrery::kernels
