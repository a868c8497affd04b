// transforms.json, OpenSfM's reconstruction.json and PLY points: what is read from each, and what is refused.
#include <gtest/gtest.h>

#include <cmath>

#include "orrery/formats/opensfm.h"
#include "orrery/formats/point_cloud.h"
#include "orrery/formats/transforms_json.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;

fs::path seed(const std::string& name) { return fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus" / name; }

TEST(TransformsJson, AFrameSaysMoreThanItsFile) {
  const TransformsFile file = read_transforms_json(seed("transforms_json/nerfstudio.json"));
  ASSERT_EQ(file.frames.size(), 1u);
  const TransformsFrame& frame = file.frames[0];
  EXPECT_EQ(frame.intrinsics.fl_x, 49.5);
  EXPECT_EQ(frame.intrinsics.fl_y, 51.0);
  EXPECT_EQ(frame.intrinsics.w, 40);
  EXPECT_EQ(frame.intrinsics.camera_model, "OPENCV_FISHEYE");
  EXPECT_EQ(frame.mask_path, "masks/a.png");
  EXPECT_EQ(frame.world_from_camera[7], -3);
  EXPECT_FALSE(frame.time);
  EXPECT_EQ(file.ply_file_path, "points.ply");
  EXPECT_EQ(file.train_filenames, std::vector<std::string>{"images/a.png"});
  EXPECT_FALSE(file.test_filenames);
}

TEST(TransformsJson, TimesAndAnglesAreKept) {
  const TransformsFile file = read_transforms_json(seed("transforms_json/blender.json"));
  EXPECT_EQ(file.frames[0].time, 0.5);
  EXPECT_EQ(file.frames[0].intrinsics.camera_angle_x, 0.69);
  EXPECT_FALSE(file.frames[0].intrinsics.fl_x);
}

std::string transforms_refusal(const std::string& text) {
  return error_message([&] { parse_transforms_json(as_bytes(text), "t.json"); });
}

TEST(TransformsJson, RefusalsNameThePlace) {
  EXPECT_CONTAINS(transforms_refusal("{"), "t.json: found no JSON at byte");
  EXPECT_CONTAINS(transforms_refusal("[]"), "t.json: found a list, expected an object");
  EXPECT_CONTAINS(transforms_refusal("{}"), "t.json: found no \"frames\"");
  EXPECT_CONTAINS(transforms_refusal(R"({"frames": []})"), "t.json, frames: found no frames");
  EXPECT_CONTAINS(transforms_refusal(R"({"frames": [{"file_path": 3}]})"), "t.json, frames[0].file_path: found \"3\"");
  EXPECT_CONTAINS(transforms_refusal(R"({"frames": [{"file_path": "a", "transform_matrix": [[1, 2]]}]})"),
                  "frames[0].transform_matrix: found 1 rows, expected 4");
  EXPECT_CONTAINS(transforms_refusal(R"({"w": 40.5, "frames": [{}]})"), "t.json, w: found 40.5");
  EXPECT_CONTAINS(transforms_refusal(R"({"fl_x": "long", "frames": [{}]})"), "t.json, fl_x: found");
  EXPECT_CONTAINS(transforms_refusal(R"({"fl_x": 1e999, "frames": [{}]})"), "out of range");
  EXPECT_CONTAINS(transforms_refusal(std::string(100, '[')), "more than 16 levels");
}

TEST(OpenSfm, BecomesAColmapModelInPixels) {
  const OpenSfmModel read = read_opensfm(seed("opensfm/reconstruction.json"));
  ASSERT_EQ(read.model.cameras.size(), 2u);
  const ColmapCamera& brown = read.model.cameras[0];
  EXPECT_EQ(brown.model, CameraModel::kFullOpenCv);
  // In units of the longer side, 40, from the middle of 40 × 30.
  const std::vector<double> want = {48, 50, 20.4, 14.6, 0.1, 0.01, 0.001, 0.002, 0, 0, 0, 0};
  ASSERT_EQ(brown.parameters.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(brown.parameters[i], want[i], 1e-12) << i;
  EXPECT_EQ(read.model.cameras[1].model, CameraModel::kOpenCvFisheye);
  EXPECT_EQ(read.model.cameras[1].parameters[0], 24);
  ASSERT_EQ(read.model.images.size(), 2u);
  const auto& [w, x, y, z] = read.model.images[0].rotation;
  const double angle = std::hypot(0.1, 0.2, 0.3);
  EXPECT_NEAR(w, std::cos(angle / 2), 1e-12);
  EXPECT_NEAR(x / y, 0.5, 1e-12);
  EXPECT_NEAR(w * w + x * x + y * y + z * z, 1, 1e-12);
  ASSERT_EQ(read.model.points.size(), 1u);
  EXPECT_EQ(read.model.points[0].colour, (std::array<uint8_t, 3>{10, 20, 255}));
}

TEST(OpenSfm, TheLargestReconstructionIsTaken) {
  const std::string camera =
                        R"("cameras": {"c": {"projection_type": "perspective", "width": 4, "height": 3, "focal": 1}})",
                    shot = R"({"camera": "c", "rotation": [0, 0, 0], "translation": [0, 0, 0]})";
  const std::string text = "[{" + camera + R"(, "shots": {"a": )" + shot + "}}, {" + camera + R"(, "shots": {"b": )" +
                           shot + R"(, "c": )" + shot + "}}]";
  const OpenSfmModel read = parse_opensfm(as_bytes(text), "r.json");
  EXPECT_EQ(read.model.images.size(), 2u);
  EXPECT_EQ(read.other_reconstructions, 1u);
}

TEST(OpenSfm, RefusalsNameThePlace) {
  const auto refusal = [](const std::string& text) {
    return error_message([&] { parse_opensfm(as_bytes(text), "r.json"); });
  };
  EXPECT_CONTAINS(refusal("[]"), "no reconstruction");
  EXPECT_CONTAINS(refusal(R"([{"shots": {}}])"), "r.json[0]: found no \"cameras\"");
  EXPECT_CONTAINS(refusal(R"([{"cameras": {"c": {"projection_type": "dual", "width": 4, "height": 3, "focal": 1}},
                              "shots": {"a": {"camera": "c"}}}])"),
                  "found \"dual\", expected perspective");
}

TEST(PointCloud, EveryFormGivesTheSamePoints) {
  for (const char* name : {"little.ply", "big.ply"}) {
    const PointCloud cloud = read_point_cloud(seed("point_cloud") / name);
    ASSERT_EQ(cloud.positions.size(), 2u) << name;
    EXPECT_EQ(cloud.positions[1], (std::array<float, 3>{1, 2, 3})) << name;
    EXPECT_EQ(cloud.colours[1], (std::array<uint8_t, 3>{4, 5, 6})) << name;
  }
  const PointCloud ascii = read_point_cloud(seed("point_cloud/ascii.ply"));
  EXPECT_EQ(ascii.positions[1], (std::array<float, 3>{-1000, 0.5, 7}));
  EXPECT_EQ(ascii.colours[1], (std::array<uint8_t, 3>{255, 0, 1}));
}

TEST(PointCloud, OtherPropertiesAndElementsArePassedOver) {
  const std::string text =
      "ply\nformat ascii 1.0\nelement camera 1\nproperty float t\nelement vertex 1\nproperty float nx\n"
      "property double x\nproperty double y\nproperty double z\nproperty float diffuse_red\n"
      "property float diffuse_green\nproperty float diffuse_blue\nelement face 1\nproperty list uchar int i\n"
      "end_header\n9.5\n7 1 2 3 0.5 0 1\n3 0 0 0\n";
  const PointCloud cloud = parse_point_cloud(as_bytes(text), "a.ply");
  ASSERT_EQ(cloud.positions.size(), 1u);
  EXPECT_EQ(cloud.positions[0], (std::array<float, 3>{1, 2, 3}));
  EXPECT_EQ(cloud.colours[0], (std::array<uint8_t, 3>{128, 0, 255}));
}

TEST(PointCloud, RefusalsSayWhatIsWrong) {
  const auto refusal = [](const std::string& text) {
    return error_message([&] { parse_point_cloud(as_bytes(text), "a.ply"); });
  };
  const std::string header = "ply\nformat binary_little_endian 1.0\nelement vertex ";
  EXPECT_CONTAINS(refusal("solid\n"), "expected the line \"ply\"");
  EXPECT_CONTAINS(refusal("ply\nformat ascii 1.0\nend_header\n"), "no element \"vertex\"");
  EXPECT_CONTAINS(refusal(header + "1\nproperty float x\nend_header\n1234"), "found no x, y or z");
  EXPECT_CONTAINS(refusal(header + "many\n"), "the count \"many\"");
  const std::string xyz = "\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
  EXPECT_CONTAINS(refusal(header + "1000000000000" + xyz + "0123456789ab"), "vertex");
  EXPECT_CONTAINS(refusal(header + "1" + xyz + std::string("\0\0\0\0\0\0\0\0\0\0\xC0\x7F", 12)), "vertex 0: found");
}

}  // namespace
}  // namespace orrery::formats
