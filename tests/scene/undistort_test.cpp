// Undistorted pictures: a board seen through each lens must look as a pinhole camera sees it.
#include "orrery/scene/cameras/undistort.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

using formats::CameraModel;
using formats::ColmapCamera;

/// Brightness of the board z = 1 where a ray meets it: smooth squares, so that sampling it anywhere is right to a few
/// grey levels.
std::array<uint8_t, 3> board(const Vector& ray) {
  const double x = ray[0] / ray[2], y = ray[1] / ray[2], value = std::sin(5 * x) * std::sin(5 * y);
  return {static_cast<uint8_t>(std::lround(127.5 + 120 * value)),
          static_cast<uint8_t>(std::lround(127.5 - 120 * value)),
          static_cast<uint8_t>(std::lround(127.5 + 100 * std::sin(3 * x)))};
}

Picture seen_through(const ColmapCamera& camera) {
  const Lens lens(camera);
  return painted(static_cast<int>(camera.width), static_cast<int>(camera.height), [&](int x, int y) {
    const auto ray = lens.camera_from_pixel({x + 0.5, y + 0.5});
    return ray && (*ray)[2] > 0.2 ? board(*ray) : std::array<uint8_t, 3>{};
  });
}

ColmapCamera small_camera(CameraModel model) { return at_size(plausible_camera(model), 320, 240); }

class EveryLens : public testing::TestWithParam<CameraModel> {};

TEST_P(EveryLens, TheBoardIsStraightAgain) {
  const ColmapCamera camera = small_camera(GetParam());
  const Undistortion plan = plan_undistortion(camera, {});
  ThreadPool pool(2);
  const Picture picture = undistorted(seen_through(camera), Lens(camera), plan.view, pool);
  ASSERT_EQ(picture.width, plan.view.width);
  double largest = 0, sum = 0;
  int64_t compared = 0;
  for (int y = 1; y + 1 < picture.height; ++y)
    for (int x = 1; x + 1 < picture.width; ++x) {
      const size_t at = static_cast<size_t>(y * picture.width + x);
      if (!picture.mask.empty() && picture.mask[at] == 0) continue;
      const auto ray = camera_from_pixel(plan.view, {x + 0.5, y + 0.5});
      if (!ray || (*ray)[2] < 0.35) continue;  // the board is too fine there
      ++compared;
      for (size_t c = 0; c < 3; ++c) {
        const double off = std::abs(double(picture.pixels[3 * at + c]) - board(*ray)[c]);
        largest = std::max(largest, off);
        sum += off / 3;
      }
    }
  EXPECT_GT(compared, 320 * 240 / 5);
  // Bilinear interpolation errs by an eighth of the second derivative, 2·25·120/110² = 0.5 per pixel² in the middle of
  // the widest lens and more where it compresses; and two roundings.
  EXPECT_LT(sum / static_cast<double>(compared), 1.5);
  EXPECT_LT(largest, 40);
}

TEST_P(EveryLens, InAPinholePictureWithoutBordersEveryPixelHasASource) {
  const ColmapCamera camera = small_camera(GetParam());
  const Undistortion plan = plan_undistortion(camera, {});
  if (plan.view.projection == Projection::kFisheye) {
    EXPECT_TRUE(Lens(camera).is_wide());
    return;
  }
  EXPECT_EQ(plan.empty, 0);
  ThreadPool pool(1);
  EXPECT_TRUE(undistorted(seen_through(camera), Lens(camera), plan.view, pool).mask.empty());
}

INSTANTIATE_TEST_SUITE_P(Undistort, EveryLens, testing::ValuesIn(all_models()),
                         [](const auto& info) { return std::string(formats::info_of(info.param).name); });

TEST(Undistort, WithoutBendsNothingChanges) {
  const ColmapCamera camera = plausible_camera(CameraModel::kPinhole);
  const Undistortion plan = plan_undistortion(camera, {});
  EXPECT_EQ(plan.view.width, 640);
  EXPECT_EQ(plan.view.height, 480);
  EXPECT_NEAR(plan.view.cx, 325, 1e-3);
  EXPECT_EQ(plan.lost, 0);
  EXPECT_EQ(plan.empty, 0);
  ThreadPool pool(1);
  const Picture picture = seen_through(camera);
  const Picture same = undistorted(picture, Lens(camera), plan.view, pool);
  int64_t different = 0;  // a view's floats move a place by 1e-5 pixels: never a grey level but at a rounding's edge
  for (size_t i = 0; i < picture.pixels.size(); ++i) different += std::abs(picture.pixels[i] - same.pixels[i]) > 1;
  EXPECT_EQ(different, 0);
}

TEST(Undistort, WhatIsLostAtTheBordersIsSaid) {
  const ColmapCamera barrel = {
      .id = 1, .model = CameraModel::kSimpleRadial, .width = 640, .height = 480, .parameters = {520, 320, 240, -0.15}};
  const Undistortion cut = plan_undistortion(barrel, {.keep = 0}), whole = plan_undistortion(barrel, {.keep = 1});
  EXPECT_GT(cut.lost, 0.01);
  EXPECT_LT(cut.lost, 0.2);
  EXPECT_EQ(cut.empty, 0);
  EXPECT_NEAR(whole.lost, 0, 1e-9);
  EXPECT_GT(whole.empty, 0.01);
  EXPECT_GT(whole.view.width, cut.view.width);
  // The mask has the share that was said (which is counted on every pixel of pictures below 1000 wide).
  ThreadPool pool(2);
  const Picture picture = undistorted(seen_through(barrel), Lens(barrel), whole.view, pool);
  ASSERT_FALSE(picture.mask.empty());
  const auto empty = std::ranges::count(picture.mask, 0);
  EXPECT_NEAR(static_cast<double>(empty) / static_cast<double>(picture.mask.size()), whole.empty, 1e-9);
  // The corner of the barrel's picture lies where r·(1 - 0.15·r²) is its radius: beyond what the cut picture shows.
  EXPECT_EQ(picture.mask[0], 255) << "the corner has a source";
  EXPECT_EQ(picture.mask[static_cast<size_t>(whole.view.width / 2)], 0) << "the middle of the border has none";
}

TEST(Undistort, AWideFisheyeStaysAFisheye) {
  ColmapCamera camera = plausible_camera(CameraModel::kOpenCvFisheye);
  EXPECT_EQ(plan_undistortion(camera, {}).view.projection, Projection::kFisheye);
  camera.parameters[0] = camera.parameters[1] = 900;
  const Undistortion narrow = plan_undistortion(camera, {});
  EXPECT_EQ(narrow.view.projection, Projection::kPinhole);
  EXPECT_EQ(plan_undistortion(camera, {.widest_pinhole = 10}).view.projection, Projection::kFisheye);
}

TEST(Undistort, OfASphereTheFrontIsKept) {
  const Undistortion plan = plan_undistortion(
      {.model = CameraModel::kEquirectangular, .width = 400, .height = 200, .parameters = {400, 200}}, {});
  EXPECT_EQ(plan.view.projection, Projection::kFisheye);
  EXPECT_NEAR(plan.lost, 0.5, 0.03);
}

TEST(Undistort, DoesNotDependOnThreads) {
  const ColmapCamera camera = small_camera(CameraModel::kThinPrismFisheye);
  const View view = plan_undistortion(camera, {}).view;
  const Picture picture = seen_through(camera);
  ThreadPool one(1), three(3);
  const Picture a = undistorted(picture, Lens(camera), view, one), b = undistorted(picture, Lens(camera), view, three);
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_EQ(a.mask, b.mask);
}

TEST(Undistort, TransparentColoursHaveNoSay) {
  const ColmapCamera camera = {
      .model = CameraModel::kSimpleRadial, .width = 32, .height = 32, .parameters = {30, 16, 16, -0.1}};
  Picture picture{.width = 32, .height = 32, .channels = 4};
  for (int i = 0; i < 32 * 32; ++i) {
    const bool solid = i % 32 < 16;
    for (const int value : {solid ? 200 : 0, 50, 50, solid ? 255 : 0})
      picture.pixels.push_back(static_cast<uint8_t>(value));
  }
  ThreadPool pool(1);
  const Picture out = undistorted(picture, Lens(camera), plan_undistortion(camera, {}).view, pool);
  bool blended = false;
  for (size_t i = 0; i < out.pixels.size(); i += 4) {
    if (out.pixels[i + 3] == 0) continue;
    EXPECT_EQ(out.pixels[i], 200) << "whatever the share of what is transparent";
    blended |= out.pixels[i + 3] < 255;
  }
  EXPECT_TRUE(blended);
}

}  // namespace
}  // namespace orrery::scene
