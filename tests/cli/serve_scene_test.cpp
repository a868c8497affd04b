// orrery scene view, as far as it goes without a browser; tests/web/viewer.test.mjs looks at what the page draws.
#include <gtest/gtest.h>

#include <set>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

const std::string kScene = ORRERY_SOURCE_DIR "/tests/fixtures/golden/scene/ply/scene.ply";

void expect_refused(const Words& words, const std::string& because) {
  const Outcome outcome = orrery(words);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
  EXPECT_NE(outcome.err.find(because), std::string::npos) << outcome.err;
}

TEST(SceneView, WhatCannotBeShownIsRefusedBeforeAnythingIsServed) {
  const TemporaryFolder folder;
  expect_refused({"scene", "view", folder.path("missing.ply")}, "missing.ply");
  expect_refused({"scene", "view", folder.file("notes.txt", "no scene")}, "notes.txt");
  expect_refused({"scene", "view", folder.path("")}, "scene.ply");
  expect_refused({"scene", "view", kScene, "--cameras", folder.file("cameras.json", "[]")}, "cameras.json");
  expect_refused({"scene", "view", kScene, "--export", folder.path("no/such/folder/page.html")}, "page.html");
  const Words left = folder.names();
  EXPECT_EQ(std::set<std::string>(left.begin(), left.end()), (std::set<std::string>{"cameras.json", "notes.txt"}));
}

TEST(SceneView, WritesAPageThatHoldsAll) {
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"scene", "view", kScene, "--export", folder.path("page.html")});
  if (outcome.err.find("without the viewer's page") != std::string::npos)
    GTEST_SKIP() << "the viewer was left out of the build: setup/fetch.sh three spark";
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string page = read_file(folder.path("page.html"));
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  for (const char* part : {"three.js authors", "World Labs", "\"sh_degree\":3", "Content-Security-Policy"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  for (const char* elsewhere : {"src=\"", "@import", "@bytes@", "@script@"})
    EXPECT_EQ(page.find(elsewhere), std::string::npos) << elsewhere;
  EXPECT_EQ(folder.names(), std::vector<std::string>{"page.html"});
}

}  // namespace
}  // namespace orrery::cli_test
