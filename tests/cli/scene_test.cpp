// orrery scene, as its users run it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "orrery/formats/image.h"
#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Words files_of(const std::string& folder) {
  Words names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

TEST(Scene, ConvertsAndTellsWhatWasLost) {
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"scene", "convert", kScene, folder.path("out.spz")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "60 of 60 Gaussians, degree 3")) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "rotation (degrees)")) << outcome.out;
  const auto info = nlohmann::json::parse(orrery({"scene", "info", folder.path("out.spz"), "--json"}).out);
  EXPECT_EQ(info["format"], "spz");
  EXPECT_EQ(info["count"], 60);
  EXPECT_EQ(info["sh_degree"], 3);
}

TEST(Scene, TakesEveryStep) {
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"scene",         "convert",
                                  kScene,          folder.path("out.ply"),
                                  "--merge",       kScene,
                                  "--merge",       kScene,
                                  "--crop",        "-9,-9,-9,9,9,9",
                                  "--rotate",      "90,0,0",
                                  "--scale",       "2",
                                  "--translate",   "0,0,-1",
                                  "--min-opacity", "0.01",
                                  "--max-scale",   "10",
                                  "--sh-degree",   "1",
                                  "--prune",       "0.001",
                                  "--decimate",    "50",
                                  "--antialiased", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto done = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(done["read"], 180);
  EXPECT_EQ(done["written"], 50);
  EXPECT_EQ(done["sh_degree"], 1);
  EXPECT_FALSE(done.contains("lost"));
  const auto info = nlohmann::json::parse(orrery({"scene", "info", folder.path("out.ply"), "--json"}).out);
  EXPECT_EQ(info["antialiased"], true);
}

TEST(Scene, WhatIsWrongIsSaidInOneLine) {
  const TemporaryFolder folder;
  const std::string text = folder.file("note.ply", "no scene\n");
  const std::pair<Words, std::string> cases[] = {
      {{"scene", "convert", text, folder.path("a.spz")}, "found a file that begins with \"no scene"},
      {{"scene", "convert", kScene, folder.path("a.obj")}, "found a name that says no format"},
      {{"scene", "convert", folder.path("gone.ply"), folder.path("a.ply")}, "gone.ply"},
      {{"scene", "convert", kScene, folder.path("a.ply"), "--crop", "1,2"}, "1,2 is not 6 finite numbers"},
      {{"scene", "convert", kScene, folder.path("a.ply"), "--min-opacity", "2"}, "was everything filtered out?"},
      {{"scene", "convert", kScene, folder.path("a.ply"), "--deci", "2"}, "there is no option --deci"},
      {{"scene", "convret", kScene}, "there is no command convret; did you mean convert?"},
  };
  for (const auto& [words, part] : cases) {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2) << part;
    EXPECT_TRUE(contains(outcome.err, part)) << outcome.err;
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
  }
  EXPECT_EQ(folder.names(), Words{"note.ply"});  // nothing half-written
}

TEST(Scene, WarnsWhereAFormatCannotSayThatItIsAntialiased) {
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"scene", "convert", kScene, folder.path("a.splat"), "--antialiased"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.err, "splat cannot say that the scene is antialiased")) << outcome.err;
}

/// A grey disc 4 units before a camera that looks along z, and that camera.
std::string disc_before_a_camera(const TemporaryFolder& folder) {
  std::string header = "ply\nformat ascii 1.0\nelement vertex 1\n";
  for (const char* name : {"x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2",
                           "rot_0", "rot_1", "rot_2", "rot_3"})
    header += std::string("property float ") + name + "\n";
  // Turned by 45 degrees about y: the quaternion is (cos 22.5, 0, sin 22.5, 0).
  folder.file("disc.ply", header + "end_header\n0 0 4 0 0 0 9 -2 -2 -9 0.92388 0 0.38268 0\n");
  return folder.file("cameras.json", R"([{"id": 0, "img_name": "front", "width": 33, "height": 25, "fx": 40, "fy": 40,
      "position": [0, 0, 0], "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}])");
}

TEST(Scene, NumbersThatAreNoneAreRefused) {
  const TemporaryFolder folder;
  disc_before_a_camera(folder);
  const std::string disc = folder.path("disc.ply"), out = folder.path("out.ply");
  const auto expect_refusal = [&](const Words& words, const Words& parts) {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.err.find(part), std::string::npos) << part << ": " << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(out));
  };
  const Words convert = {"scene", "convert", disc, out};
  const auto with = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  expect_refusal(with(convert, {"--translate", "nan,0,0"}), {"--translate", "nan,0,0", "3 finite numbers"});
  expect_refusal(with(convert, {"--crop", "0,0,0,1,1"}), {"--crop", "6 finite numbers"});
  expect_refusal({"scene", "render", disc, "--out", out, "--orbit", "1", "--up", "0,1"}, {"--up", "3 finite numbers"});
}

TEST(Scene, DrawsDepthAndNormalsBesideThePicture) {
  const TemporaryFolder folder;
  const std::string cameras = disc_before_a_camera(folder);
  const Words command = {"scene", "render", folder.path("disc.ply"), "--cameras", cameras, "-q", "--out"};
  const auto draw = [&](const std::string& out, const Words& more) {
    Words words = command;
    words.push_back(folder.path(out));
    words.insert(words.end(), more.begin(), more.end());
    return orrery(words);
  };
  ASSERT_EQ(draw("plain", {}).exit_code, 0);
  EXPECT_EQ(files_of(folder.path("plain")), Words{"front.png"});
  const Outcome outcome = draw("all", {"--depth", "--normals"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(files_of(folder.path("all")),
            (Words{"front.depth.npy", "front.depth.png", "front.normals.png", "front.png"}));
  EXPECT_EQ(read_file(folder.path("all/front.png")), read_file(folder.path("plain/front.png")));

  constexpr size_t kHeader = 128, kMiddle = 12 * 33 + 16;
  const std::string numbers = read_file(folder.path("all/front.depth.npy"));
  ASSERT_EQ(numbers.size(), kHeader + 4 * 25 * 33);
  const auto depth = [&](size_t pixel) {
    float value;
    std::memcpy(&value, numbers.data() + kHeader + 4 * pixel, 4);
    return value;
  };
  EXPECT_NEAR(depth(kMiddle), 4, 1e-5);
  EXPECT_EQ(depth(0), 0);  // nothing is there
  EXPECT_TRUE(contains(read_file(folder.path("all/front.depth.png")), std::string("tEXtwhite\0"
                                                                                  "4",
                                                                                  11)));

  const auto pixel = [&](const char* file, size_t row, size_t column) {
    const formats::Image image = formats::read_image(folder.path(file));
    const uint8_t* at = image.row(static_cast<int64_t>(row)) + 3 * column;
    return std::array<int, 3>{at[0], at[1], at[2]};
  };
  using Pixel = std::array<int, 3>;
  EXPECT_EQ(pixel("all/front.depth.png", 12, 16), (Pixel{255, 255, 255}));
  EXPECT_EQ(pixel("all/front.depth.png", 0, 0), (Pixel{0, 0, 0}));
  // Its z axis points to (sin 45, 0, cos 45), away from the camera, so the normal is (-0.707, 0, 0.707) where z is
  // towards the viewer: 255·(0.5 - 0.354) = 37.3 and 255·(0.5 + 0.354) = 217.7.
  EXPECT_EQ(pixel("all/front.normals.png", 12, 16), (Pixel{37, 128, 218}));
  EXPECT_EQ(pixel("all/front.normals.png", 0, 0), (Pixel{128, 128, 128}));
}

TEST(Scene, ListsItsCommands) {
  for (const Words& words : {Words{"scene"}, Words{"scene", "--help"}, Words{"help", "scene"}}) {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_TRUE(contains(outcome.out, "Usage: orrery scene COMMAND")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, "scene convert")) << outcome.out;
  }
  for (const Words& words : {Words{"scene", "convert", "--help"}, Words{"help", "scene", "convert"}})
    EXPECT_TRUE(contains(orrery(words).out, "Usage: orrery scene convert [OPTIONS] INPUT OUTPUT"));
}

}  // namespace
}  // namespace orrery::cli_test
