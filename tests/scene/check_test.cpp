// The checks: a sound scene has nothing to say, and each kind of damage is found.
#include "orrery/scene/check/check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "orrery/scene/check/survey.h"
#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;
using formats::CameraModel;
using formats::ColmapModel;

/// Twelve cameras on a ring of radius 4 about a ball of points, looking at its middle; photos with texture, each
/// another.
ColmapModel ring() {
  ColmapModel model{
      .cameras = {
          {.id = 1, .model = CameraModel::kPinhole, .width = 96, .height = 64, .parameters = {80, 80, 48, 32}}}};
  for (int i = 0; i < 12; ++i) {
    const double half = i * 3.14159265358979 / 12;  // of the angle about y
    model.images.push_back({.id = static_cast<uint32_t>(i + 1),
                            .rotation = {std::cos(half), 0, std::sin(half), 0},
                            .translation = {0, 0, 4},
                            .camera_id = 1,
                            .name = fmt::format("{:02}.png", i)});
  }
  for (uint64_t i = 0; i < 500; ++i) {
    const double a = static_cast<double>(i) * 2.4, y = static_cast<double>(i) / 250 - 1, r = std::sqrt(1 - y * y);
    model.points.push_back({.id = i + 1, .position = {r * std::cos(a), y, r * std::sin(a)}, .colour = {200, 30, 30}});
  }
  return model;
}

Picture photo(int seed, int brightness = 128) {
  return painted(96, 64, [&](int x, int y) {
    const double value =
        std::sin(0.3 * x + seed) * std::cos(0.23 * y + 1.7 * seed) + 0.5 * std::sin(0.11 * x * (seed % 5));
    const auto level = static_cast<uint8_t>(brightness + brightness / 2.5 * value / 1.5);
    return std::array<uint8_t, 3>{level, level, static_cast<uint8_t>(level / 2)};
  });
}

void write_photo(const fs::path& path, const Picture& picture) {
  std::ofstream(path, std::ios::binary) << png_of(picture);
}

class Check : public testing::Test {
 protected:
  Check() {
    fs::create_directories(folder_.path() / "sparse/0");
    fs::create_directories(folder_.path() / "images");
    for (int i = 0; i < 12; ++i) write_photo(image(i), photo(i));
    write(ring());
  }
  fs::path image(int i) const { return folder_.path() / "images" / fmt::format("{:02}.png", i); }
  void write(const ColmapModel& model) const {
    formats::write_colmap(model, folder_.path() / "sparse/0", formats::ColmapForm::kBinary);
  }
  CheckReport check() const { return check_scene(folder_.path(), {.progress = ProgressStyle::kNone}); }
  static std::string all(const CheckReport& report) {
    std::string text;
    for (const Finding& finding : report.findings) text += finding.text + "\n";
    return text;
  }

  TemporaryFolder folder_;
};

TEST_F(Check, ASoundSceneHasNothingToSay) {
  const CheckReport report = check();
  EXPECT_EQ(all(report), "");
  EXPECT_TRUE(report.can_train());
  EXPECT_EQ(report.frames, 12u);
  EXPECT_EQ(report.test, 2u);
  EXPECT_EQ(report.train, 10u);
  EXPECT_EQ(report.points, 500u);
}

TEST_F(Check, MissingAndBrokenPicturesAreNamed) {
  fs::remove(image(3));
  EXPECT_CONTAINS(all(check()), "1 picture (03.png) missing");
  EXPECT_TRUE(check().can_train());
  std::ofstream(image(5)) << "no picture";
  const CheckReport report = check();
  EXPECT_FALSE(report.can_train());
  EXPECT_EQ(report.findings.front().weight, Weight::kFatal) << "the heaviest first";
  EXPECT_CONTAINS(report.findings.front().text, "1 picture (05.png) that cannot be read");
  fs::remove_all(folder_.path() / "images");
  EXPECT_CONTAINS(all(check()), "all 12 pictures are missing");
}

TEST_F(Check, SizesThatDisagreeAreFatalWhereTheShapeDoes) {
  write_photo(image(1), painted(64, 96, [](int x, int y) {
                return std::array<uint8_t, 3>{uint8_t(x), uint8_t(y), 9};
              }));
  EXPECT_CONTAINS(all(check()), "1 picture (01.png) of another shape than their camera, 64 × 96 against 96 × 64");
  EXPECT_FALSE(check().can_train());
  for (int i = 0; i < 12; ++i) {
    const Picture large = photo(i);
    write_photo(image(i), painted(48, 32, [&](int x, int y) {
                  const uint8_t* p = &large.pixels[static_cast<size_t>((2 * y * 96 + 2 * x) * 3)];
                  return std::array<uint8_t, 3>{p[0], p[1], p[2]};
                }));
  }
  EXPECT_CONTAINS(all(check()), "12 pictures (00.png, 01.png, 02.png, …) of another size than their camera");
  EXPECT_TRUE(check().can_train());
}

TEST_F(Check, ImplausibleIntrinsicsAreNamed) {
  ColmapModel model = ring();
  model.cameras[0].parameters = {1500, 800, 5, 32};
  write(model);
  const std::string text = all(check());
  EXPECT_CONTAINS(text, "a focal length of 15.62 times the longer side");
  EXPECT_CONTAINS(text, "fx is 1.88 times fy");
  EXPECT_CONTAINS(text, "principal point 5, 32 lies far from the middle");
  model.cameras[0] = {
      .id = 1, .model = CameraModel::kRadial, .width = 96, .height = 64, .parameters = {40, 48, 32, -0.6, 0}};
  write(model);
  EXPECT_CONTAINS(all(check()), "turns back on itself within the picture");
  model.cameras[0].parameters[0] = 0;
  write(model);
  EXPECT_FALSE(check().can_train());
  EXPECT_CONTAINS(all(check()), "found a focal length of 0");
}

TEST_F(Check, CamerasInsideThePointsOrTurnedAwayAreNamed) {
  ColmapModel model = ring();
  for (uint64_t i = 0; i < 30; ++i)
    model.points.push_back({.id = 1000 + i, .position = {1e-4 * static_cast<double>(i), 0, -4}, .colour = {}});
  write(model);  // where camera 00.png stands
  EXPECT_CONTAINS(all(check()), "1 camera (00.png) inside the points");
  model = ring();
  model.images[4].translation = {0, 0, -4};  // behind it now
  write(model);
  EXPECT_CONTAINS(all(check()), "1 camera (04.png) that see hardly any of the points");
  for (auto& image : model.images) image.translation = {0, 0, -4};
  write(model);
  EXPECT_CONTAINS(all(check()), "12 of 12 cameras see none of the points: are the poses those of these points");
}

TEST_F(Check, DuplicatesExactAndNearAreNamed) {
  write_photo(image(7), photo(2));
  Picture near = photo(3);
  for (size_t i = 0; i < near.pixels.size(); i += 7) near.pixels[i] = static_cast<uint8_t>(near.pixels[i] + 1);
  write_photo(image(9), near);
  const std::string text = all(check());
  EXPECT_CONTAINS(text, "1 picture (07.png) that another one equals");
  EXPECT_CONTAINS(text, "1 picture (09.png) that look the same");
}

TEST_F(Check, ExposureJumpsAreNamed) {
  write_photo(image(6), photo(6, 50));
  EXPECT_CONTAINS(all(check()), "1 picture (06.png) brighter or darker than their neighbours");
}

TEST_F(Check, UnregisteredPhotosAreCounted) {
  write_photo(folder_.path() / "images/extra.png", photo(40));
  EXPECT_CONTAINS(all(check()), "1 pictures of 13 have no pose (extra.png)");
}

TEST_F(Check, CamerasInOnePlaceAreNamed) {
  ColmapModel model = ring();
  for (auto& image : model.images) image.translation = {0, 0, 0};
  model.points.clear();
  write(model);
  EXPECT_CONTAINS(all(check()), "all cameras stand in one place");
  EXPECT_CONTAINS(all(check()), "no first points");
}

TEST_F(Check, ThePictureFromAboveShowsEveryCameraOnce) {
  fs::remove(image(3));
  const fs::path svg = folder_.path() / "map.svg";
  check_scene(folder_.path(), {.svg = svg, .progress = ProgressStyle::kNone});
  const std::string text = read_text(svg);
  EXPECT_TRUE(text.starts_with("<svg xmlns="));
  EXPECT_TRUE(text.ends_with("</svg>\n"));
  const auto count = [&](const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<polygon"), 12u);
  EXPECT_EQ(count("#e07b00\" fill-opacity"), 2u) << "the test pictures";
  EXPECT_EQ(count("#d11\" fill-opacity"), 1u) << "the missing one";
  EXPECT_GT(count("<circle"), 480u);
}

TEST(CheckReal, SharedScenesAreSound) {
  int checked = 0;
  for (const char* name : {"scenes/sceaux", "scenes/glossy", "scenes/dynamic", "data/multiview/buddha13",
                           "data/multiview/robot-static", "data/multiview/robot-dance", "data/multiview/robot-cams4"}) {
    const auto folder = shared_path(name);
    if (!folder) continue;
    ++checked;
    const CheckReport report = check_scene(*folder, {.progress = ProgressStyle::kNone});
    EXPECT_TRUE(report.can_train()) << name;
    for (const Finding& finding : report.findings) {
      EXPECT_EQ(finding.text.find("turned away"), std::string::npos) << name;
      std::printf("%s: %s\n", name, finding.text.c_str());
    }
  }
  if (checked == 0) GTEST_SKIP() << "no ../shared/scenes";
}

TEST(Survey, HashesOfOtherPicturesDifferAndOfTheSameDoNot) {
  const PictureFacts a = facts_of(photo(1)), b = facts_of(photo(2)), again = facts_of(photo(1));
  EXPECT_EQ(a.digest, again.digest);
  EXPECT_NE(a.digest, b.digest);
  EXPECT_GT((a.hash ^ b.hash).count(), 20u);
  EXPECT_NEAR(facts_of(photo(1, 64)).exposure, a.exposure - 2.2, 0.1);  // half the value of a gamma of 2.2
}

}  // namespace
}  // namespace orrery::scene
