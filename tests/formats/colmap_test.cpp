// COLMAP models: every camera model, both forms, real files byte for byte, and what is wrong with bad ones.
#include "orrery/formats/colmap.h"

#include <gtest/gtest.h>

#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

/// A camera of each model, parameters that have no short binary form, photos of each, points that they saw.
ColmapModel model_of_every_camera() {
  ColmapModel model;
  for (const CameraModelInfo& info : camera_models()) {
    ColmapCamera camera{.id = static_cast<uint32_t>(100 - model.cameras.size()),
                        .model = info.model,
                        .width = 640,
                        .height = 480 + static_cast<int64_t>(model.cameras.size())};
    for (size_t i = 0; i < info.parameters.size(); ++i) camera.parameters.push_back(1.0 / (3 + static_cast<double>(i)));
    model.images.push_back({.id = 1000 - camera.id,
                            .rotation = {0.1, -0.2, 0.3, 0.92736184954957},
                            .translation = {1e-300, -7.1, 1e300},
                            .camera_id = camera.id,
                            .name = "folder/photo "s + std::string(info.name) + ".jpg",
                            .observations = {{1.0 / 3, 2, 7}, {0.1, 0.2, ColmapObservation::kNoPoint}}});
    model.cameras.push_back(std::move(camera));
  }
  model.images.back().observations.clear();
  model.points = {{.id = 7, .position = {0.1, -2, 3e5}, .colour = {1, 128, 255}, .error = 0.25, .track = {{900, 0}}},
                  {.id = 3, .position = {}, .colour = {}, .error = -1}};
  return model;
}

void expect_same(const ColmapModel& got, const ColmapModel& want) {
  EXPECT_EQ(got.cameras, want.cameras);
  EXPECT_EQ(got.images, want.images);
  EXPECT_EQ(got.points, want.points);
}

TEST(Colmap, EveryCameraModelComesBackInBothForms) {
  const ColmapModel model = model_of_every_camera();
  EXPECT_EQ(model.cameras.size(), 18u);
  for (const ColmapForm form : {ColmapForm::kBinary, ColmapForm::kText}) {
    const TemporaryFolder folder;
    write_colmap(model, folder.path(), form);
    expect_same(read_colmap(folder.path(), {.observations = true}), model);
  }
}

TEST(Colmap, WithoutObservationsTheRestIsTheSame) {
  ColmapModel model = model_of_every_camera();
  for (const ColmapForm form : {ColmapForm::kBinary, ColmapForm::kText}) {
    const TemporaryFolder folder;
    write_colmap(model, folder.path(), form);
    ColmapModel bare = model;
    for (ColmapImage& image : bare.images) image.observations.clear();
    for (ColmapPoint& point : bare.points) point.track.clear();
    expect_same(read_colmap(folder.path()), bare);
  }
}

TEST(Colmap, RigsAndFramesOfLaterVersionsDoNotMatter) {
  const TemporaryFolder folder;
  write_colmap(model_of_every_camera(), folder.path(), ColmapForm::kBinary);
  folder.write("rigs.bin", "anything");
  folder.write("frames.bin", "anything");
  folder.write("cameras.txt", "a text form that is not whole is not looked at");
  EXPECT_EQ(read_colmap(folder.path()).cameras.size(), 18u);
}

TEST(Colmap, ARealModelIsWrittenByteForByte) {
  const auto scene = shared_path("scenes/sceaux/sparse/0");
  if (!scene) GTEST_SKIP() << "no ../shared/scenes/sceaux";
  const ColmapModel model = read_colmap(*scene, {.observations = true});
  EXPECT_EQ(model.cameras.size(), 1u);
  EXPECT_EQ(model.images.size(), 11u);
  EXPECT_EQ(model.points.size(), 5249u);
  size_t observations = 0;
  for (const ColmapPoint& point : model.points) observations += point.track.size();
  EXPECT_EQ(observations, 25419u);  // the scene's README
  EXPECT_EQ(model.images.front().name, "100_7110.jpg");
  const TemporaryFolder folder;
  write_colmap(model, folder.path(), ColmapForm::kBinary);
  for (const char* part : {"cameras.bin", "images.bin", "points3D.bin"})
    EXPECT_EQ(read_text(folder.path() / part), read_text(*scene / part)) << part;
  const TemporaryFolder text;
  write_colmap(model, text.path(), ColmapForm::kText);
  expect_same(read_colmap(text.path(), {.observations = true}), model);
}

TEST(Colmap, ATextModelWithoutTracksIsRead) {
  const auto scene = shared_path("data/multiview/buddha13/sparse/0");
  if (!scene) GTEST_SKIP() << "no ../shared/data/multiview/buddha13";
  const ColmapModel model = read_colmap(*scene, {.observations = true});
  EXPECT_EQ(model.images.size(), 13u);
  EXPECT_EQ(model.points.size(), 10082u);
  EXPECT_EQ(model.cameras.front().parameters, (std::vector<double>{465.224202, 465.224202, 342.189563, 193.562714}));
}

std::string cameras_refusal(const std::string& text) {
  return error_message([&] { parse_colmap_cameras(as_bytes(text), ColmapForm::kText, "cameras.txt"); });
}
std::string images_refusal(const std::string& text) {
  return error_message([&] { parse_colmap_images(as_bytes(text), ColmapForm::kText, "images.txt", {true}); });
}
std::string points_refusal(const std::string& text) {
  return error_message([&] { parse_colmap_points(as_bytes(text), ColmapForm::kText, "points3D.txt"); });
}

TEST(Colmap, RefusalsNameTheLineAndTheField) {
  EXPECT_CONTAINS(cameras_refusal("# nothing\n"), "cameras.txt, cameras: found none");
  EXPECT_CONTAINS(cameras_refusal("\n1 POLAROID 4 3 1 2 3\n"), "cameras.txt, line 2, model: found \"POLAROID\"");
  EXPECT_CONTAINS(cameras_refusal("1 PINHOLE 4 3 1 2 3\n"), "line 1, cy: found the end of the line");
  EXPECT_CONTAINS(cameras_refusal("1 PINHOLE 4 3 1 2 3 4 5\n"), "found more than 4, expected those of PINHOLE");
  EXPECT_CONTAINS(cameras_refusal("1 PINHOLE 4 3 1 2 3 nan\n"), "camera 1: found a number that is not finite");
  EXPECT_CONTAINS(cameras_refusal("1 PINHOLE 0 3 1 2 3 4\n"), "0 × 3 pixels");
  EXPECT_CONTAINS(cameras_refusal("1 PINHOLE 4 3 1 2 3 4\n1 PINHOLE 4 3 1 2 3 4\n"), "the same id twice");
  EXPECT_CONTAINS(images_refusal("1 0 0 0 0 1 2 3 1 a.jpg\n\n"), "image \"a.jpg\": found a rotation of length 0");
  EXPECT_CONTAINS(images_refusal("1 1 0 0 0 1 2 3 1\n\n"), "line 1, name: found the end of the line");
  EXPECT_CONTAINS(images_refusal("1 1 0 0 0 1 2 3 1 a.jpg\n1 2\n"), "line 2, observation");
  EXPECT_CONTAINS(points_refusal("1 0 0 x 1 2 3 0\n"), "line 1, position: found \"x\", expected a number");
  EXPECT_CONTAINS(points_refusal("1 0 0 0 1 2 256 0\n"), "line 1, colour: found \"256\"");
}

TEST(Colmap, WhatIsMissingIsNamed) {
  const TemporaryFolder folder;
  ColmapModel model = model_of_every_camera();
  EXPECT_CONTAINS(error_message([&] { read_colmap(folder.path()); }), "found no whole model");
  model.images[2].camera_id = 12345;
  write_colmap(model, folder.path(), ColmapForm::kBinary);
  EXPECT_CONTAINS(error_message([&] { read_colmap(folder.path()); }), "SIMPLE_RADIAL.jpg\": found camera 12345");
  fs::remove(folder.path() / "points3D.bin");
  EXPECT_FALSE(has_colmap_model(folder.path()));
}

TEST(Colmap, UnknownModelsInBinaryAreNamedByNumber) {
  const TemporaryFolder folder;
  write_colmap(model_of_every_camera(), folder.path(), ColmapForm::kBinary);
  std::string bytes = read_text(folder.path() / "cameras.bin");
  bytes[12] = 77;
  EXPECT_CONTAINS(error_message([&] { parse_colmap_cameras(as_bytes(bytes), ColmapForm::kBinary, "c.bin"); }),
                  "c.bin, camera 1 of 18: found camera model 77, expected 0 to 17");
}

}  // namespace
}  // namespace orrery::formats
