// Lenses: each camera model against its own inverse, against formulas worked out apart, and where it must say nothing.
#include "orrery/scene/cameras/lens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

using formats::CameraModel;
using formats::ColmapCamera;

class EveryModel : public testing::TestWithParam<CameraModel> {};

TEST_P(EveryModel, ProjectsWhatItUnprojects) {
  const ColmapCamera camera = plausible_camera(GetParam());
  const Lens lens(camera);
  int seen = 0;
  for (double v = 0; v <= 480; v += 16)
    for (double u = 0; u <= 640; u += 16) {
      const auto ray = lens.camera_from_pixel({u, v});
      if (!ray) continue;
      ++seen;
      EXPECT_NEAR(std::hypot((*ray)[0], (*ray)[1], (*ray)[2]), 1, 1e-12);
      const auto pixel = lens.pixel_from_camera({3 * (*ray)[0], 3 * (*ray)[1], 3 * (*ray)[2]});  // any depth
      ASSERT_TRUE(pixel) << u << ' ' << v;
      EXPECT_NEAR((*pixel)[0], u, 1e-6);  // 1e-9 of a focal length of 520
      EXPECT_NEAR((*pixel)[1], v, 1e-6);
    }
  EXPECT_EQ(seen, 31 * 41);
}

TEST_P(EveryModel, UnprojectsWhatItProjects) {
  const Lens lens(plausible_camera(GetParam()));
  for (double y = -0.4; y <= 0.4; y += 0.1)
    for (double x = -0.5; x <= 0.5; x += 0.1) {
      const auto pixel = lens.pixel_from_camera({x, y, 1});
      ASSERT_TRUE(pixel) << x << ' ' << y;
      const auto ray = lens.camera_from_pixel(*pixel);
      ASSERT_TRUE(ray) << x << ' ' << y;
      EXPECT_NEAR((*ray)[0] / (*ray)[2], x, 1e-8);
      EXPECT_NEAR((*ray)[1] / (*ray)[2], y, 1e-8);
    }
}

TEST_P(EveryModel, TheAxisMeetsThePrincipalPoint) {
  const ColmapCamera camera = plausible_camera(GetParam());
  const auto pixel = Lens(camera).pixel_from_camera({0, 0, 2});
  ASSERT_TRUE(pixel);
  const bool sphere = GetParam() == CameraModel::kEquirectangular;
  EXPECT_NEAR((*pixel)[0], sphere ? 320 : 325, 1e-9);
  EXPECT_NEAR((*pixel)[1], sphere ? 240 : 236, 1e-9);
}

TEST_P(EveryModel, BehindAPinholeNothingIsSeen) {
  const Lens lens(plausible_camera(GetParam()));
  // But fisheyes look past 90°, and a sphere sees everything: their rays are one-to-one all the way there.
  for (const Vector& point : {Vector{0.1, 0, -1}, Vector{0.1, 0, 0}})
    EXPECT_TRUE(lens.is_wide() || !lens.pixel_from_camera(point));
}

INSTANTIATE_TEST_SUITE_P(Lens, EveryModel, testing::ValuesIn(all_models()),
                         [](const auto& info) { return std::string(formats::info_of(info.param).name); });

void expect_pixel(CameraModel model, std::vector<double> parameters, const Vector& point, const Pixel& want) {
  const auto pixel =
      Lens({.model = model, .width = 100, .height = 80, .parameters = std::move(parameters)}).pixel_from_camera(point);
  ASSERT_TRUE(pixel);
  EXPECT_NEAR((*pixel)[0], want[0], 1e-9) << formats::info_of(model).name;
  EXPECT_NEAR((*pixel)[1], want[1], 1e-9) << formats::info_of(model).name;
}

// Each worked out by hand for the point (0.3, 0.4, 1), where r² = 0.25 and θ = atan(0.5).
TEST(Lens, FollowsThePublishedFormulas) {
  const Vector point = {0.3, 0.4, 1};
  expect_pixel(CameraModel::kSimplePinhole, {100, 50, 40}, point, {80, 80});
  expect_pixel(CameraModel::kPinhole, {100, 200, 50, 40}, point, {80, 120});
  expect_pixel(CameraModel::kSimpleRadial, {100, 50, 40, 0.4}, point, {50 + 30 * 1.1, 40 + 40 * 1.1});
  expect_pixel(CameraModel::kRadial, {100, 50, 40, 0.4, 0.8}, point, {50 + 30 * 1.15, 40 + 40 * 1.15});
  // 2·p1·u·v + p2·(r² + 2u²) = 0.24·p1 + 0.43·p2 and 0.24·p2 + 0.57·p1
  expect_pixel(CameraModel::kOpenCv, {100, 100, 50, 40, 0.4, 0.8, 0.01, 0.02}, point,
               {50 + 34.5 + 0.24 + 0.86, 40 + 46 + 0.48 + 0.57});
  // (1 + 0.1 + 0.05 + 0.1)/(1 + 0.05 + 0.05 + 0.025) with k = .4 .8 6.4, .2 .8 1.6
  const double radial = 1.25 / 1.125;
  expect_pixel(CameraModel::kFullOpenCv, {100, 100, 50, 40, 0.4, 0.8, 0.01, 0.02, 6.4, 0.2, 0.8, 1.6}, point,
               {50 + 30 * radial + 1.1, 40 + 40 * radial + 1.05});
  const double theta = std::atan(0.5), t2 = theta * theta;
  const auto fisheye = [&](double share) {
    return Pixel{50 + 100 * theta * share * 0.6, 40 + 100 * theta * share * 0.8};
  };
  expect_pixel(CameraModel::kSimpleFisheye, {100, 50, 40}, point, fisheye(1));
  expect_pixel(CameraModel::kSimpleRadialFisheye, {100, 50, 40, 0.1}, point, fisheye(1 + 0.1 * t2));
  expect_pixel(CameraModel::kRadialFisheye, {100, 50, 40, 0.1, 0.2}, point, fisheye(1 + 0.1 * t2 + 0.2 * t2 * t2));
  expect_pixel(CameraModel::kOpenCvFisheye, {100, 100, 50, 40, 0.1, 0.2, 0.3, 0.4}, point,
               fisheye(1 + t2 * (0.1 + t2 * (0.2 + t2 * (0.3 + t2 * 0.4)))));
  const double w = 0.8, fov = std::atan(2 * 0.5 * std::tan(w / 2)) / w / 0.5;
  expect_pixel(CameraModel::kFov, {100, 100, 50, 40, w}, point, {50 + 30 * fov, 40 + 40 * fov});
  const double division = 2 / (1 + std::sqrt(1 + 4 * 0.2 * 0.25));
  expect_pixel(CameraModel::kDivision, {100, 100, 50, 40, -0.2}, point, {50 + 30 * division, 40 + 40 * division});
  const double eucm = 1 / (0.6 * std::sqrt(1.2 * 0.25 + 1) + 0.4);
  expect_pixel(CameraModel::kEucm, {100, 100, 50, 40, 0.6, 1.2}, point, {50 + 30 * eucm, 40 + 40 * eucm});
  const double pi = std::numbers::pi;
  expect_pixel(CameraModel::kEquirectangular, {100, 80}, point,
               {50 + 100 * std::atan(0.3) / (2 * pi), 40 + 80 * std::atan(0.4 / std::sqrt(1.09)) / pi});
  expect_pixel(CameraModel::kEquirectangular, {100, 80}, {0, 0, -1}, {100, 40});
}

TEST(Lens, ThePrismsShiftByTheRadius) {
  const double theta = std::atan(0.5), u = theta * 0.6, v = theta * 0.8, t2 = theta * theta;
  expect_pixel(CameraModel::kThinPrismFisheye, {100, 100, 50, 40, 0, 0, 0, 0, 0, 0, 0.01, 0.02}, {0.3, 0.4, 1},
               {50 + 100 * (u + 0.01 * t2), 40 + 100 * (v + 0.02 * t2)});
  expect_pixel(CameraModel::kRadTanThinPrismFisheye,
               {100, 100, 50, 40, 0, 0, 0, 0, 0, 0, 0.01, 0.02, 0.1, 0.2, 0.3, 0.4}, {0.3, 0.4, 1},
               {50 + 100 * (u + 0.01 * (t2 + 2 * u * u) + 0.04 * u * v + 0.1 * t2 + 0.2 * t2 * t2),
                40 + 100 * (v + 0.02 * (t2 + 2 * v * v) + 0.02 * u * v + 0.3 * t2 + 0.4 * t2 * t2)});
}

// r·(1 + k·r²) with k = -0.3 grows up to r = 1/√0.9 = 1.054 only; a ray further out would be shown a second time.
TEST(Lens, BeyondTheTurningPointNothingIsSeen) {
  const Lens lens({.model = CameraModel::kSimpleRadial, .width = 100, .height = 80, .parameters = {40, 50, 40, -0.3}});
  EXPECT_TRUE(lens.pixel_from_camera({1.04, 0, 1}));
  EXPECT_FALSE(lens.pixel_from_camera({1.06, 0, 1}));
  EXPECT_FALSE(lens.pixel_from_camera({1.8, 0, 1}));
  EXPECT_FALSE(lens.camera_from_pixel({50 + 40 * 0.71, 40})) << "the polynomial's largest value is 0.7027";
  const auto ray = lens.camera_from_pixel({50 + 40 * 0.69, 40});
  ASSERT_TRUE(ray);
  EXPECT_LT((*ray)[0] / (*ray)[2], 1.054);
}

TEST(Lens, AFisheyeSeesBehindItself) {
  const Lens lens(plausible_camera(CameraModel::kSimpleFisheye));
  const auto pixel = lens.pixel_from_camera({1, 0, -0.2});
  ASSERT_TRUE(pixel);
  EXPECT_NEAR((*pixel)[0], 325 + 220 * std::atan2(1, -0.2), 1e-9);
}

TEST(Lens, RefusalsNameTheCamera) {
  EXPECT_CONTAINS(error_message([] {
                    Lens({.id = 7, .model = CameraModel::kPinhole, .parameters = {0, 1, 2, 3}});
                  }),
                  "camera 7, PINHOLE: found a focal length of 0");
  EXPECT_CONTAINS(error_message([] {
                    Lens({.id = 7, .model = CameraModel::kFov, .parameters = {1, 2}});
                  }),
                  "found 2 parameters, expected 5");
}

TEST(Lens, PlainLensesAreViews) {
  for (const CameraModel model : all_models()) {
    const Lens lens(plausible_camera(model));
    const std::string_view name = formats::info_of(model).name;
    EXPECT_EQ(lens.is_plain(),
              name == "PINHOLE" || name == "SIMPLE_PINHOLE" || name == "FISHEYE" || name == "SIMPLE_FISHEYE")
        << name;
    if (!lens.is_plain()) continue;
    const View view = view_of(lens, 640, 480);
    const Vector point = {0.3, -0.2, 1.5};
    const auto by_view = pixel_from_camera(view, point), by_lens = lens.pixel_from_camera(point);
    ASSERT_TRUE(by_view && by_lens) << name;
    EXPECT_NEAR((*by_view)[0], (*by_lens)[0], 1e-3) << name;  // a View holds floats
    const auto ray = camera_from_pixel(view, *by_view);
    ASSERT_TRUE(ray);
    EXPECT_NEAR((*ray)[0] / (*ray)[2], 0.2, 1e-9) << name;
  }
  ColmapCamera straight = plausible_camera(CameraModel::kOpenCv);
  std::fill(straight.parameters.begin() + 4, straight.parameters.end(), 0.0);
  EXPECT_TRUE(Lens(straight).is_plain());
}

}  // namespace
}  // namespace orrery::scene
