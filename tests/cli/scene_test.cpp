// orrery scene, as its users run it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

const std::string kScene = std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/golden/scene/ply/scene.ply";

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

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
      {{"scene", "convert", kScene, folder.path("a.ply"), "--crop", "1,2"}, "1,2 is not 6 numbers"},
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
