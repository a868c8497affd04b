// Data sets: real scenes of every kind, small ones made here, and what is refused.
#include "orrery/scene/data/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "orrery/scene/data/picture_cache.h"
#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;
using formats::CameraModel;
using formats::ColmapModel;

#define NEEDS_SHARED(variable, path)       \
  const auto variable = shared_path(path); \
  if (!variable) GTEST_SKIP() << "no ../shared/" << path

std::vector<std::string> names_of(const Dataset& dataset, Split split) {
  std::vector<std::string> names;
  for (const size_t frame : dataset.of(split)) names.push_back(dataset.frames[frame].name);
  return names;
}

/// Share of the points that a view sees within its picture.
double share_seen(const Dataset& dataset, const Frame& frame) {
  size_t seen = 0;
  for (const auto& p : dataset.points.positions) {
    const auto& m = frame.view.camera_from_world;
    Vector at;
    for (size_t i = 0; i < 3; ++i) at[i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
    const auto pixel = pixel_from_camera(frame.view, at);
    seen += pixel && (*pixel)[0] >= 0 && (*pixel)[0] <= frame.view.width && (*pixel)[1] >= 0 &&
            (*pixel)[1] <= frame.view.height;
  }
  return static_cast<double>(seen) / static_cast<double>(dataset.points.positions.size());
}

TEST(Dataset, OfAColmapModelEveryEighthByNameIsForTesting) {
  NEEDS_SHARED(folder, "scenes/sceaux");
  const Dataset dataset = open_dataset(*folder);
  EXPECT_EQ(dataset.kind, "COLMAP");
  EXPECT_EQ(dataset.frames.size(), 11u);
  EXPECT_EQ(names_of(dataset, Split::kTest), (std::vector<std::string>{"100_7100.jpg", "100_7108.jpg"}));  // NOTES.md
  EXPECT_EQ(dataset.points.positions.size(), 5249u);
  EXPECT_FALSE(dataset.points_are_random);
  const View& view = dataset.frames[0].view;
  EXPECT_EQ(view.width, 800);
  EXPECT_EQ(view.height, 595);
  EXPECT_NEAR(view.fx, 812.376, 1e-3);
  EXPECT_NEAR(view.fy, 814.937, 1e-3);
  EXPECT_EQ(view.cx, 400);
  EXPECT_EQ(view.cy, 297.5f);
  for (const Frame& frame : dataset.frames) EXPECT_GT(share_seen(dataset, frame), 0.3) << frame.name;
}

// COLMAP's own observations against our projection of its points: the README says 0.394 pixels on average.
TEST(Dataset, ProjectsAColmapModelsPointsWhereTheyWereSeen) {
  NEEDS_SHARED(folder, "scenes/sceaux");
  const Dataset dataset = open_dataset(*folder);
  const ColmapModel model = formats::read_colmap(*folder / "sparse/0", {.observations = true});
  std::map<uint64_t, size_t> index;
  for (size_t i = 0; i < model.points.size(); ++i) index[model.points[i].id] = i;
  double sum = 0;
  int count = 0;
  for (const auto& image : model.images) {
    const auto frame = std::ranges::find(dataset.frames, image.name, &Frame::name);
    ASSERT_NE(frame, dataset.frames.end());
    for (const auto& seen : image.observations) {
      if (seen.point_id == formats::ColmapObservation::kNoPoint) continue;
      const auto& p = dataset.points.positions[index.at(seen.point_id)];
      const auto& m = frame->view.camera_from_world;
      Vector at;
      for (size_t i = 0; i < 3; ++i) at[i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
      const auto pixel = pixel_from_camera(frame->view, at);
      ASSERT_TRUE(pixel);
      sum += std::hypot((*pixel)[0] - seen.x, (*pixel)[1] - seen.y);
      ++count;
    }
  }
  EXPECT_EQ(count, 25419);
  EXPECT_NEAR(sum / count, 0.394, 0.01);
}

TEST(Dataset, TheSameSceneInTwoFormatsHasTheSameViews) {
  NEEDS_SHARED(folder, "data/multiview/buddha13");
  const Dataset colmap = open_dataset(*folder, {.read = {.format = SceneFormat::kColmap}}),
                transforms = open_dataset(*folder, {.read = {.format = SceneFormat::kTransforms}});
  ASSERT_EQ(colmap.frames.size(), 13u);
  ASSERT_EQ(transforms.frames.size(), 13u);
  EXPECT_EQ(colmap.points.positions.size(), 10082u);
  for (size_t i = 0; i < 13; ++i) {
    const View &a = colmap.frames[i].view, &b = transforms.frames[i].view;
    EXPECT_EQ("images/" + colmap.frames[i].name, transforms.frames[i].name);
    for (size_t k = 0; k < 16; ++k) EXPECT_NEAR(a.camera_from_world[k], b.camera_from_world[k], 2e-5) << i << ' ' << k;
    EXPECT_NEAR(a.fx, b.fx, 1e-3);
    EXPECT_NEAR(a.cy, b.cy, 1e-3);
  }
  EXPECT_NEAR(colmap.extent, transforms.extent, 1e-3);
}

TEST(Dataset, OfASyntheticSceneTheFilesSayTheSplit) {
  NEEDS_SHARED(folder, "scenes/glossy");
  const Dataset dataset = open_dataset(*folder);
  EXPECT_EQ(dataset.of(Split::kTrain).size(), 40u);
  EXPECT_EQ(dataset.of(Split::kTest).size(), 10u);
  EXPECT_EQ(dataset.of(Split::kValidation).size(), 0u) << "transforms_val.json repeats the test list";
  EXPECT_EQ(dataset.background, Background::kWhite);
  EXPECT_FALSE(dataset.has_times);
  EXPECT_TRUE(dataset.points_are_random);
  EXPECT_EQ(dataset.points.positions.size(), 100'000u);
  for (const auto& p : dataset.points.positions)
    for (const float x : p) ASSERT_LE(std::abs(x), 1.3f);
  const View& view = dataset.frames[0].view;
  EXPECT_EQ(view.width, 200);
  EXPECT_NEAR(view.fx, 0.5 * 200 / std::tan(0.6911112070083618 / 2), 1e-3);
  EXPECT_EQ(view.cx, 100);
  // Every camera stands 3.6 from (0, 0, -0.15) and looks at it (the scene's README).
  for (const Frame& frame : dataset.frames) {
    const auto at = frame.view.centre();
    EXPECT_NEAR(std::hypot(at[0], at[1], at[2] + 0.15), 3.6, 1e-3) << frame.name;
    const auto& m = frame.view.camera_from_world;
    EXPECT_NEAR(m[2] * -0.15 + m[3], 0, 1e-3);
    EXPECT_NEAR(m[6] * -0.15 + m[7], 0, 1e-3);
    EXPECT_NEAR(m[10] * -0.15 + m[11], 3.6, 1e-3);
  }
  ThreadPool pool(1);
  EXPECT_EQ(load(dataset, 0, pool).channels, 4);
}

TEST(Dataset, TimesOfADynamicSceneAreKept) {
  NEEDS_SHARED(folder, "scenes/dynamic");
  const Dataset dataset = open_dataset(*folder);
  EXPECT_TRUE(dataset.has_times);
  std::vector<double> times;
  for (const size_t frame : dataset.of(Split::kTrain)) times.push_back(dataset.frames[frame].time);
  std::ranges::sort(times);
  ASSERT_EQ(times.size(), 60u);
  for (size_t i = 0; i < 60; ++i) EXPECT_NEAR(times[i], static_cast<double>(i) / 59, 1e-6);
}

TEST(Dataset, PointsBesideASyntheticSceneAreTaken) {
  NEEDS_SHARED(folder, "data/multiview/robot-static");
  const Dataset dataset = open_dataset(*folder);
  EXPECT_EQ(dataset.points.positions.size(), 4000u);
  EXPECT_FALSE(dataset.points_are_random);
  for (const Frame& frame : dataset.frames) EXPECT_GT(share_seen(dataset, frame), 0.9) << frame.name;
}

TEST(Dataset, FixedCamerasOverTimeAreRead) {
  NEEDS_SHARED(folder, "data/multiview/robot-cams4");
  const Dataset dataset = open_dataset(*folder);
  EXPECT_EQ(dataset.frames.size(), 96u);
  EXPECT_TRUE(dataset.has_times);
  EXPECT_EQ(dataset.of(Split::kTest).size(), 12u);
  const auto dance = shared_path("data/multiview/robot-dance");
  ASSERT_TRUE(dance);
  const Dataset moving = open_dataset(*dance);
  EXPECT_EQ(moving.of(Split::kTrain).size(), 100u);
  EXPECT_EQ(moving.of(Split::kValidation).size(), 10u);
  EXPECT_EQ(moving.of(Split::kTest).size(), 20u);
}

std::array<uint8_t, 3> gradient(int x, int y) {
  return {static_cast<uint8_t>(x * 4), static_cast<uint8_t>(y * 5), static_cast<uint8_t>(x ^ y)};
}

/// A scene of COLMAP's in a folder: photos 0.png, 1.png, … of 60 × 40 by one camera.
void write_scene(const fs::path& folder, const formats::ColmapCamera& camera, int photos) {
  fs::create_directories(folder / "sparse/0");
  fs::create_directories(folder / "images");
  ColmapModel model{.cameras = {camera}};
  for (int i = 0; i < photos; ++i) {
    model.images.push_back({.id = static_cast<uint32_t>(i + 1),
                            .translation = {0.1 * i, 0, 4},
                            .camera_id = camera.id,
                            .name = std::to_string(i) + ".png"});
    const Picture picture = painted(60, 40, [i](int x, int y) { return gradient(x + i, y); });
    std::ofstream(folder / "images" / (std::to_string(i) + ".png"), std::ios::binary) << png_of(picture);
  }
  formats::write_colmap(model, folder / "sparse/0", formats::ColmapForm::kBinary);
}

const formats::ColmapCamera kPlain = {
    .id = 1, .model = CameraModel::kPinhole, .width = 60, .height = 40, .parameters = {50, 50, 30, 20}};

TEST(Dataset, PicturesArriveAsTheyAre) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 3);
  const Dataset dataset = open_dataset(folder.path());
  ThreadPool pool(1);
  const Picture picture = load(dataset, 1, pool);
  EXPECT_EQ(picture.pixels, painted(60, 40, [](int x, int y) { return gradient(x + 1, y); }).pixels);
  EXPECT_TRUE(picture.mask.empty());
  EXPECT_EQ(dataset.frames[1].split, Split::kTrain);
  EXPECT_EQ(dataset.frames[0].split, Split::kTest);
}

TEST(Dataset, CentreAndExtentAreOfTheTrainingCameras) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 4);  // at x = 0, -0.1, -0.2, -0.3; the first one tests
  const Dataset dataset = open_dataset(folder.path());
  EXPECT_NEAR(dataset.centre[0], -0.2, 1e-6);
  EXPECT_NEAR(dataset.centre[2], -4, 1e-6);
  EXPECT_NEAR(dataset.extent, 1.1 * 0.1, 1e-6);
}

TEST(Dataset, OwnDownscalingIsSaidAndScalesTheCamera) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 2);
  const Dataset dataset = open_dataset(folder.path(), {.downscale = 2});
  EXPECT_EQ(dataset.frames[0].view.width, 30);
  EXPECT_NEAR(dataset.frames[0].view.fx, 25, 1e-5);
  EXPECT_NEAR(dataset.frames[0].view.cx, 15, 1e-5);
  ThreadPool pool(1);
  EXPECT_EQ(load(dataset, 0, pool).width, 30);
  EXPECT_CONTAINS(dataset.notes.front(), "2 times smaller: mean over the area");
}

TEST(Dataset, FoldersOfSmallerPhotosAreTakenFirst) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 2);
  fs::create_directories(folder.path() / "images_2");
  for (const char* name : {"0.png", "1.png"})
    std::ofstream(folder.path() / "images_2" / name, std::ios::binary) << png_of(painted(30, 20, [](int, int) {
      return std::array<uint8_t, 3>{7, 7, 7};
    }));
  const Dataset dataset = open_dataset(folder.path(), {.downscale = 2});
  ThreadPool pool(1);
  const Picture picture = load(dataset, 0, pool);
  EXPECT_EQ(picture.width, 30);
  EXPECT_EQ(picture.pixels[0], 7);
  EXPECT_NEAR(dataset.frames[0].view.fx, 25, 1e-5);
}

TEST(Dataset, BentPicturesAreUndistortedAndTheLossIsSaid) {
  const TemporaryFolder folder;
  write_scene(
      folder.path(),
      {.id = 1, .model = CameraModel::kSimpleRadial, .width = 60, .height = 40, .parameters = {50, 30, 20, -0.1}}, 2);
  const Dataset dataset = open_dataset(folder.path());
  EXPECT_GT(dataset.frames[0].view.width, 60);  // a barrel's sides are stretched again
  ThreadPool pool(1);
  const Picture picture = load(dataset, 0, pool);
  EXPECT_EQ(picture.width, dataset.frames[0].view.width);
  EXPECT_EQ(picture.height, dataset.frames[0].view.height);
  EXPECT_CONTAINS(dataset.notes.front(), "of its pixels are lost at the borders");
}

TEST(Dataset, MasksAreFoundUnderBothNames) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 2);
  fs::create_directories(folder.path() / "masks");
  const std::string grey = formats::png_file(60, 40, 1, std::string(1200, '\0') + std::string(1200, '\xFF'));
  std::ofstream(folder.path() / "masks/0.png.png", std::ios::binary) << grey;
  std::ofstream(folder.path() / "masks/1.png", std::ios::binary) << grey;
  const Dataset dataset = open_dataset(folder.path());
  ThreadPool pool(1);
  for (const size_t frame : {0u, 1u}) {
    const Picture picture = load(dataset, frame, pool);
    ASSERT_EQ(picture.mask.size(), 2400u);
    EXPECT_EQ(picture.mask.front(), 0);
    EXPECT_EQ(picture.mask.back(), 255);
  }
}

TEST(Dataset, NerfstudiosOwnListsSayTheSplit) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "images");
  for (const char* name : {"a.png", "b.png", "c.png"})
    std::ofstream(folder.path() / "images" / name, std::ios::binary) << png_of(painted(60, 40, gradient));
  const std::string matrix = "[[1,0,0,0],[0,1,0,0],[0,0,1,3],[0,0,0,1]]";
  const auto frame = [&](const std::string& name) {
    return R"({"file_path": "images/)" + name + R"(", "transform_matrix": )" + matrix + "}";
  };
  folder.write("transforms.json", R"({"w": 60, "h": 40, "fl_x": 50, "fl_y": 50, "k1": 0.01, "frames": [)" +
                                      frame("c.png") + "," + frame("a.png") + "," + frame("b.png") +
                                      R"(], "train_filenames": ["images/a.png"], "val_filenames": ["./images/b.png"],
                                          "test_filenames": ["images/c.png"]})");
  const Dataset dataset = open_dataset(folder.path(), {.random_points = 10});
  EXPECT_EQ(names_of(dataset, Split::kTrain), std::vector<std::string>{"images/a.png"});
  EXPECT_EQ(names_of(dataset, Split::kValidation), std::vector<std::string>{"images/b.png"});
  EXPECT_EQ(names_of(dataset, Split::kTest), std::vector<std::string>{"images/c.png"});
  EXPECT_TRUE(dataset.cameras[0].bends);
  // OpenGL's camera at (0, 0, 3) looks along -z: at the origin, 3 before it, with y down.
  const auto& m = dataset.frames[0].view.camera_from_world;
  EXPECT_EQ((std::array<float, 16>{1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 3, 0, 0, 0, 1}), m);
}

TEST(Dataset, OpenSfmsReconstructionIsRead) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "images");
  std::ofstream(folder.path() / "images/a.png", std::ios::binary) << png_of(painted(60, 40, gradient));
  std::ofstream(folder.path() / "images/left.png", std::ios::binary) << png_of(painted(60, 40, gradient));
  folder.write("reconstruction.json", R"([{
      "cameras": {"c": {"projection_type": "perspective", "width": 60, "height": 40, "focal": 0.9, "k1": 0, "k2": 0}},
      "shots": {"a.png": {"camera": "c", "rotation": [0, 0, 1.5707963267948966], "translation": [1, 2, 3]}},
      "points": {"1": {"coordinates": [0, 0, 1], "color": [255, 0, 0]}}}])");
  const Dataset dataset = open_dataset(folder.path(), {.test_every = 0});
  EXPECT_EQ(dataset.kind, "OpenSfM");
  EXPECT_NEAR(dataset.frames[0].view.fx, 54, 1e-4);
  EXPECT_NEAR(dataset.frames[0].view.cx, 30, 1e-4);
  const auto& m = dataset.frames[0].view.camera_from_world;  // a quarter turn about z: x becomes y
  EXPECT_NEAR(m[0], 0, 1e-6);
  EXPECT_NEAR(m[1], -1, 1e-6);
  EXPECT_NEAR(m[4], 1, 1e-6);
  EXPECT_EQ(m[3], 1);
  EXPECT_CONTAINS(dataset.notes.back(), "1 pictures in the folder have no pose (left.png first)");
}

TEST(Dataset, PhotosKnowThePointsThatTheySaw) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 2);
  ColmapModel model = formats::read_colmap(folder.path() / "sparse/0");
  for (const uint64_t id : {70, 7, 30}) model.points.push_back({.id = id, .position = {0, 0, static_cast<double>(id)}});
  constexpr uint64_t kNoPoint = formats::ColmapObservation::kNoPoint;
  model.images[0].observations = {{1, 1, 30}, {2, 2, kNoPoint}, {3, 3, 70}, {4, 4, 30}, {5, 5, 999}};  // 999 is none
  formats::write_colmap(model, folder.path() / "sparse/0", formats::ColmapForm::kBinary);
  EXPECT_TRUE(open_dataset(folder.path()).frames[0].seen.empty());
  const Dataset dataset = open_dataset(folder.path(), {.read = {.tracks = true}});
  EXPECT_EQ(dataset.frames[0].seen, (std::vector<uint32_t>{0, 2}));
  EXPECT_EQ(dataset.points.positions[2][2], 30);
  EXPECT_TRUE(dataset.frames[1].seen.empty());
}

TEST(Dataset, MissingPicturesAreLeftOutAndNamed) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 4);
  fs::remove(folder.path() / "images/2.png");
  const Dataset dataset = open_dataset(folder.path());
  EXPECT_EQ(dataset.frames.size(), 3u);
  EXPECT_CONTAINS(dataset.notes.front(), "1 of 4 pictures are missing");
  fs::remove_all(folder.path() / "images");
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }), "found none of the 4 pictures");
}

TEST(Dataset, RefusalsNameWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }), "found no poses, expected sparse/0");
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path() / "nowhere"); }), "found no folder");
  write_scene(folder.path(), kPlain, 2);
  std::ofstream(folder.path() / "images/1.png", std::ios::binary) << png_of(painted(40, 60, gradient));
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }),
                  "images/1.png: found 40 × 60 pixels, expected the shape of its camera, 60 × 40");
  folder.write("images/1.png", "no picture");
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }), "images/1.png: found a file that begins with");
  write_scene(folder.path(), kPlain, 1);
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }), "none of them to train on");
  write_scene(folder.path(),
              {.id = 3, .model = CameraModel::kPinhole, .width = 60, .height = 40, .parameters = {-50, 50, 30, 20}}, 2);
  EXPECT_CONTAINS(error_message([&] { open_dataset(folder.path()); }),
                  "camera 3, PINHOLE: found a focal length of -50");
}

TEST(PictureCache, HoldsItsBoundAndDecodesAhead) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 12);
  const Dataset dataset = open_dataset(folder.path());
  constexpr int64_t kPicture = 60 * 40 * 3;
  PictureCache cache(dataset, 5 * kPicture);
  std::vector<size_t> order;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (size_t i = 0; i < 12; ++i) order.push_back((5 * i + static_cast<size_t>(epoch)) % 12);
  cache.will_need(order);
  for (const size_t frame : order) {
    const auto picture = cache.get(frame);
    EXPECT_EQ(picture->pixels, painted(60, 40, [&](int x, int y) {
                                 return gradient(x + std::stoi(dataset.frames[frame].name), y);
                               }).pixels);
    EXPECT_LE(cache.bytes(), cache.max_bytes());
  }
  EXPECT_GE(cache.decoded(), 12);
}

TEST(PictureCache, WhatFitsIsDecodedOnce) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 6);
  const Dataset dataset = open_dataset(folder.path());
  PictureCache cache(dataset, 1 << 20);
  std::vector<size_t> order;
  for (int i = 0; i < 60; ++i) order.push_back(static_cast<size_t>(i * i % 6));
  cache.will_need(order);
  std::set<size_t> asked;
  for (const size_t frame : order) {
    cache.get(frame);
    asked.insert(frame);
  }
  EXPECT_EQ(cache.decoded(), static_cast<int64_t>(asked.size()));
}

TEST(PictureCache, TroubleComesToWhoAsksForThePicture) {
  const TemporaryFolder folder;
  write_scene(folder.path(), kPlain, 4);
  const Dataset dataset = open_dataset(folder.path());
  folder.write("images/2.png", "no picture any more");
  PictureCache cache(dataset, 1 << 20);
  const std::vector<size_t> order = {0, 2, 3};
  cache.will_need(order);
  EXPECT_EQ(cache.get(0)->width, 60);
  EXPECT_CONTAINS(error_message([&] { cache.get(2); }), "images/2.png");
  EXPECT_EQ(cache.get(3)->width, 60);
}

}  // namespace
}  // namespace orrery::scene
