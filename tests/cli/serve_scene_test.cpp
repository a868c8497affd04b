// orrery scene view, as far as it goes without a browser; tests/web/viewer.test.mjs looks at what the page draws.
#include <gtest/gtest.h>

#include <set>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

TEST(SceneView, WhatCannotBeShownIsRefusedBeforeAnythingIsServed) {
  const TemporaryFolder folder;
  expect_refused(orrery({"scene", "view", folder.path("missing.ply")}), "missing.ply");
  expect_refused(orrery({"scene", "view", folder.file("notes.txt", "no scene")}), "notes.txt");
  expect_refused(orrery({"scene", "view", folder.path("")}), "scene.ply");
  expect_refused(orrery({"scene", "view", kScene, "--cameras", folder.file("cameras.json", "[]")}), "cameras.json");
  expect_refused(orrery({"scene", "view", kScene, "--export", folder.path("no/such/folder/page.html")}), "page.html");
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
