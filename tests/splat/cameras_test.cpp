#include "orrery/splat/cameras.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "orrery/base/error.h"

namespace orrery::splat {
namespace {

class Cameras : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(file_); }
  std::string refusal(const std::string& text) const {
    std::ofstream(file_) << text;
    try {
      read_cameras(file_);
    } catch (const Error& error) {
      return error.what();
    }
    return "read";
  }
  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("cameras-" + std::to_string(::getpid()));
};

View some_view(float x) { return look_at({x, -1, -3}, {0.2f, 0, 0.5f}, {0, -1, 0}, 64, 48, 60); }

std::array<float, 3> in_camera(const View& view, const std::array<float, 3>& p) {
  const auto& m = view.camera_from_world;
  std::array<float, 3> c;
  for (size_t i = 0; i < 3; ++i) c[i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
  return c;
}

TEST_F(Cameras, LookWhereTheyAreTold) {
  const View view = some_view(2);
  const auto target = in_camera(view, {0.2f, 0, 0.5f}), above = in_camera(view, {0.2f, -1, 0.5f});
  EXPECT_NEAR(target[0], 0, 1e-5);
  EXPECT_NEAR(target[1], 0, 1e-5);
  EXPECT_GT(target[2], 0);
  EXPECT_LT(above[1], 0);  // y is down
  EXPECT_NEAR(above[0], 0, 1e-5);
  EXPECT_NEAR(view.centre()[0], 2, 1e-5);
  EXPECT_NEAR(view.fy, 24 / std::tan(M_PI / 6), 1e-3);
}

TEST_F(Cameras, ComeBackFromTheirFile) {
  std::vector<NamedView> views{{"a/one.jpg", some_view(2), file_.parent_path() / "photos" / "one.jpg"},
                               {.name = "two", .view = some_view(-1)}};
  views[1].view.cx = 30.25f;
  write_cameras(file_, views);
  const auto read = read_cameras(file_);
  ASSERT_EQ(read.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read[i].name, views[i].name);
    EXPECT_EQ(read[i].photo, views[i].photo);
    EXPECT_EQ(read[i].view.width, 64);
    EXPECT_EQ(read[i].view.cx, views[i].view.cx);
    for (size_t k = 0; k < 16; ++k)
      EXPECT_NEAR(read[i].view.camera_from_world[k], views[i].view.camera_from_world[k], 2e-6) << k;
  }
}

// As INRIA's program writes it: without a principal point.
TEST_F(Cameras, OfOtherTrainersHaveTheirCentreInTheMiddle) {
  std::ofstream(file_) << R"([{"id": 0, "img_name": "00001", "width": 979, "height": 546, "position": [1, 2, 3],
    "rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "fy": 580.5, "fx": 581}])";
  const auto read = read_cameras(file_);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].view.cx, 489.5f);
  const auto ahead = in_camera(read[0].view, {1, 1, 3});  // one along -y, which is where its z looks
  EXPECT_NEAR(ahead[2], 1, 1e-6);
}

TEST_F(Cameras, AreRefusedByFileAndField) {
  const auto expect = [&](const std::string& text, std::initializer_list<const char*> parts) {
    const std::string said = refusal(text);
    for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << part << ": " << said;
  };
  expect("nonsense", {"cameras-", "no JSON"});
  expect("{}", {"no list"});
  expect("[3]", {"camera 0", "an object"});
  expect(R"([{"width": 10.5}])", {"camera 0, width", "10.5"});
  expect(R"([{"width": 10, "height": 10, "fx": 0, "fy": 1}])", {"camera 0, fx, fy", "more than 0"});
  expect(R"([{"width": 10, "height": 10, "fx": 1, "fy": 1, "position": [1, 2]}])", {"position", "three numbers"});
  expect(R"([{"width": 10, "height": 10, "fx": 1, "fy": 1, "position": [1, 2, 3],
              "rotation": [[1, 0, 0], [0, 2, 0], [0, 0, 1]]}])",
         {"rotation", "orthogonal"});
  expect(R"([{"width": 10, "height": 10, "fx": 1, "fy": 1, "position": [1, 2, "x"],
              "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}])",
         {"position", "a number"});
}

TEST_F(Cameras, PicturesOfTwoFoldersDoNotMeet) {
  EXPECT_EQ(picture_name("./train/r_003.png"), "train_r_003");
  EXPECT_EQ(picture_name("100_7100.jpg"), "100_7100");
  EXPECT_EQ(picture_name("/photos/a.b.jpg"), "photos_a.b");
  EXPECT_EQ(picture_name("../../etc/x"), "etc_x");
  EXPECT_EQ(picture_name(""), "view");
}

TEST(Paths, ASplineGoesThroughItsKeys) {
  const std::vector<View> keys{some_view(2), some_view(-1), some_view(0.5f)};
  const std::vector<View> path = spline(keys, 9);
  ASSERT_EQ(path.size(), 9u);
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 12; ++k)
      EXPECT_NEAR(path[4 * i].camera_from_world[k], keys[i].camera_from_world[k], 1e-5) << i << ' ' << k;
  for (size_t i = 1; i < path.size(); ++i)  // no jumps
    EXPECT_LT(std::abs(path[i].centre()[0] - path[i - 1].centre()[0]), 1.2);
}

TEST(Paths, AnOrbitSeesTheSceneFromAllSides) {
  Scene scene = Scene::zeros(100, 0);
  for (size_t i = 0; i < 100; ++i)
    for (size_t k = 0; k < 3; ++k)
      scene.means[3 * i + k] = 5 + static_cast<float>(std::sin(static_cast<double>(7 * i + k)));
  const std::vector<View> views = orbit(scene, {0, -1, 0}, 4, 100, 80, 50);
  ASSERT_EQ(views.size(), 4u);
  for (const View& view : views) {
    int seen = 0;
    for (size_t i = 0; i < 100; ++i) {
      const auto c = in_camera(view, {scene.means[3 * i], scene.means[3 * i + 1], scene.means[3 * i + 2]});
      if (c[2] <= 0) continue;
      const double u = view.fx * c[0] / c[2] + view.cx, v = view.fy * c[1] / c[2] + view.cy;
      seen += u > 0 && u < 100 && v > 0 && v < 80;
    }
    EXPECT_GE(seen, 80);
    EXPECT_LT(view.centre()[1], 5);  // above: y is down
  }
  EXPECT_LT(views[0].centre()[0] * views[2].centre()[0] + views[0].centre()[2] * views[2].centre()[2],
            views[0].centre()[0] * views[0].centre()[0] + views[0].centre()[2] * views[0].centre()[2]);
}

}  // namespace
}  // namespace orrery::splat
