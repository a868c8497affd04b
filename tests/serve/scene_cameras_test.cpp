// The cameras that the viewer of scenes is given.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/serve/scene/cameras.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class SceneCameras : public testing::Test {
 protected:
  SceneCameras() : folder_(fs::path(testing::TempDir()) / "orrery-scene-cameras") {
    fs::create_directories(folder_ / "images");
    write("images/one.jpg", "\xff\xd8");
    document_ = {{"cameras",
                  {{{"name", "one"},
                    {"width", 800},
                    {"height", 595},
                    {"fx", 880.5},
                    {"fy", 881.5},
                    {"cx", 400},
                    {"cy", 297.5},
                    {"camera_from_world", {1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1}},
                    {"photo", "images/one.jpg"}}}}};
  }
  ~SceneCameras() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::vector<SceneCamera> read() const { return read_scene_cameras(write("cameras.json", document_.dump())); }
  std::string refusal() const {
    try {
      read();
      return "no refusal";
    } catch (const Error& error) {
      return error.what();
    }
  }
  json& camera() { return document_["cameras"][0]; }

  fs::path folder_;
  json document_;
};

TEST_F(SceneCameras, AreReadWithTheirPhotos) {
  const auto cameras = read();
  ASSERT_EQ(cameras.size(), 1u);
  EXPECT_EQ(cameras[0].name, "one");
  EXPECT_EQ(cameras[0].photo, folder_ / "images/one.jpg");
  const View& view = cameras[0].view;
  EXPECT_EQ(view.width, 800);
  EXPECT_EQ(view.height, 595);
  EXPECT_EQ(view.fx, 880.5f);
  EXPECT_EQ(view.fy, 881.5f);
  EXPECT_EQ(view.cx, 400);
  EXPECT_EQ(view.cy, 297.5f);
  EXPECT_EQ(view.camera_from_world[3], 0.5f);
  EXPECT_EQ(view.camera_from_world[11], 2);
}

TEST_F(SceneCameras, NeedNoPhoto) {
  camera().erase("photo");
  EXPECT_TRUE(read()[0].photo.empty());
  camera()["photo"] = nullptr;
  EXPECT_TRUE(read()[0].photo.empty());
}

TEST_F(SceneCameras, EveryWrongFieldIsNamed) {
  const json good = document_;
  for (const char* field : {"name", "width", "height", "fx", "fy", "cx", "cy", "camera_from_world"}) {
    document_ = good;
    camera().erase(field);
    EXPECT_NE(refusal().find(std::string("no ") + field), std::string::npos) << refusal();
    for (const json& wrong : {json::array(), json::object(), json(true)}) {
      camera()[field] = wrong;
      EXPECT_NE(refusal().find(std::string("cameras[0].") + field), std::string::npos) << refusal();
    }
  }
  for (const auto& [field, value] : std::vector<std::pair<const char*, json>>{{"width", 0},
                                                                              {"height", -1},
                                                                              {"width", 1.5},
                                                                              {"height", uint64_t{1} << 40},
                                                                              {"fx", 0},
                                                                              {"fy", -2},
                                                                              {"cx", 1e300}}) {
    document_ = good;
    camera()[field] = value;
    EXPECT_NE(refusal().find(std::string("cameras[0].") + field), std::string::npos) << field << ": " << refusal();
  }
  document_ = good;
  camera()["camera_from_world"].push_back(0);
  EXPECT_NE(refusal().find("17 elements"), std::string::npos) << refusal();
  document_ = good;
  camera()["camera_from_world"][7] = "0";
  EXPECT_NE(refusal().find("camera_from_world[7]"), std::string::npos) << refusal();
  document_ = good;
  camera()["photo"] = "images/two.jpg";
  EXPECT_NE(refusal().find("images/two.jpg"), std::string::npos) << refusal();
}

TEST_F(SceneCameras, OtherDocumentsAreRefused) {
  for (const json& other : {json::array(), json(1), json::object(), json{{"cameras", 1}}, json{{"cameras", {1}}}}) {
    document_ = other;
    EXPECT_NE(refusal().find("cameras.json"), std::string::npos) << refusal();
  }
  EXPECT_THROW(read_scene_cameras(write("cut.json", "{\"cameras\": [")), Error);
  EXPECT_THROW(read_scene_cameras(folder_ / "missing.json"), Error);
}

}  // namespace
}  // namespace orrery::serve
