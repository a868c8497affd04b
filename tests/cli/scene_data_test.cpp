// orrery scene check and poses: the real program, which becomes orrery-torch for them.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST(SceneCheck, FindsTheDamageOfACopy) {
  ORRERY_NEEDS(scene, shared("scenes/sceaux"), "no ../shared/scenes/sceaux");
  const TemporaryFolder folder;
  const fs::path copy = folder.path("sceaux");
  fs::copy(*scene, copy, fs::copy_options::recursive);
  const std::string svg = folder.path("map.svg");
  const Outcome sound = orrery({"scene", "check", copy.string(), "--svg", svg, "--json"});
  ASSERT_EQ(sound.exit_code, 0) << sound.err;
  const json before = json::parse(sound.out);
  EXPECT_EQ(before["kind"], "COLMAP");
  EXPECT_EQ(before["pictures"], 11);
  EXPECT_EQ(before["test"], 2);
  EXPECT_EQ(before["points"], 5249);
  EXPECT_TRUE(before["can_train"]);
  EXPECT_NE(read_file(svg).find("<svg"), std::string::npos);

  fs::remove(copy / "images/100_7102.jpg");
  fs::copy_file(copy / "images/100_7103.jpg", copy / "images/100_7104.jpg", fs::copy_options::overwrite_existing);
  const Outcome warned = orrery({"scene", "check", copy.string()});
  EXPECT_EQ(warned.exit_code, 0) << warned.err;
  EXPECT_NE(warned.out.find("warning: 1 picture (100_7102.jpg) missing"), std::string::npos) << warned.out;
  EXPECT_NE(warned.out.find("warning: 1 picture (100_7104.jpg) that another one equals"), std::string::npos)
      << warned.out;

  fs::resize_file(copy / "images/100_7105.jpg", 1000);
  const Outcome refused = orrery({"scene", "check", copy.string()});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.out.find("error: 1 picture (100_7105.jpg) that cannot be read"), std::string::npos) << refused.out;
  EXPECT_EQ(lines(refused.err), 1u) << refused.err;
  fs::resize_file(copy / "sparse/0/images.bin", 100);
  const Outcome broken = orrery({"scene", "check", copy.string()});
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_EQ(broken.out, "");
  EXPECT_NE(broken.err.find("images.bin"), std::string::npos) << broken.err;
}

TEST(SceneCheck, WithoutASceneSaysWhatItLookedFor) {
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"scene", "check", folder.path("nothing")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("expected sparse/0 (COLMAP)"), std::string::npos) << outcome.err;
  EXPECT_EQ(lines(outcome.err), 1u);
}

TEST(ScenePoses, WithoutColmapNamesThePackage) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path("photos"));
  folder.file("photos/a.jpg", "");
  folder.file("photos/b.jpg", "");
  const Outcome outcome = orrery({"scene", "poses", folder.path("photos"), "--out", folder.path("scene")}, "",
                                 {"PATH=" + folder.path("photos")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("the package colmap"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace orrery::cli_test
