#include "web/assets.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace orrery::web {
namespace {

TEST(StudioAssets, ThePageAndAllThatItNamesAreThere) {
  const Asset* page = find("/");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page->bytes.starts_with("<!doctype html>"));
  for (const char* path : {"/studio/app.js", "/studio/app.css", "/studio/theme.js", "/studio/icon.svg"}) {
    ASSERT_NE(find(path), nullptr) << path;
    EXPECT_NE(page->bytes.find(path), std::string_view::npos) << path;
  }
}

TEST(StudioAssets, TheFontsOfTheStyleSheetAreThereAndNoOthers) {
  const std::string_view style = find("/studio/math.css")->bytes;
  std::set<std::string> named, present;
  for (auto at = style.find("url("); at != std::string_view::npos; at = style.find("url(", at + 1))
    named.emplace("/studio/" + std::string(style.substr(at + 4, style.find(')', at) - at - 4)));
  for (const Asset& asset : assets())
    if (asset.path.starts_with("/studio/fonts/")) {
      present.emplace(asset.path);
      EXPECT_TRUE(asset.bytes.starts_with("wOF2")) << asset.path;
      EXPECT_EQ(asset.content_type, "font/woff2");
    }
  EXPECT_EQ(named, present);
  EXPECT_FALSE(named.empty());
}

TEST(ViewerAssets, ThePageAndAllThatItNamesAreThere) {
  const Asset* page = find("/scene/index.html");
  if (page == nullptr) GTEST_SKIP() << "the viewer was left out of the build: setup/fetch.sh three spark";
  for (const char* path : {"/scene/app.js", "/scene/app.css", "/studio/theme.js", "/studio/icon.svg"}) {
    ASSERT_NE(find(path), nullptr) << path;
    EXPECT_NE(page->bytes.find(path), std::string_view::npos) << path;
  }
  const Asset* script = find("/scene/app.js");
  EXPECT_EQ(script->encoding, "gzip");
  EXPECT_TRUE(script->bytes.starts_with("\x1f\x8b"));
  EXPECT_EQ(script->content_type, "text/javascript; charset=utf-8");
}

TEST(ViewerAssets, TheFormOfAnExportedPageHasEachPartOnceInOrder) {
  const Asset* form = find("/scene/export.html");
  if (form == nullptr) GTEST_SKIP() << "the viewer was left out of the build: setup/fetch.sh three spark";
  size_t at = 0;
  for (const char* part : {"@licences@", "@style@", "@theme@", "@info@", "@bytes@", "@script@"}) {
    const size_t found = form->bytes.find(part);
    ASSERT_NE(found, std::string_view::npos) << part;
    EXPECT_GE(found, at) << part;
    EXPECT_EQ(form->bytes.find(part, found + 1), std::string_view::npos) << part;
    at = found;
  }
}

TEST(StudioAssets, EveryPathAndEtagIsThereOnce) {
  std::set<std::string_view> paths, etags;
  for (const Asset& asset : assets()) {
    EXPECT_TRUE(paths.insert(asset.path).second) << asset.path;
    EXPECT_TRUE(etags.insert(asset.etag).second) << asset.path;
    EXPECT_TRUE(asset.etag.starts_with('"') && asset.etag.ends_with('"') && asset.etag.size() > 2);
    EXPECT_FALSE(asset.bytes.empty()) << asset.path;
  }
}

TEST(StudioAssets, OtherPathsAreNotFound) {
  for (const char* path : {"", "/index.html", "/studio", "/studio/", "/studio/app.ts", "/studio/../studio/app.js"})
    EXPECT_EQ(find(path), nullptr) << path;
}

TEST(StudioAssets, PageAndStylesNameNoOtherHost) {
  for (const Asset& asset : assets()) {
    if (!asset.path.ends_with(".css") && !asset.path.ends_with(".html") && asset.path != "/") continue;
    EXPECT_EQ(asset.bytes.find("http:"), std::string_view::npos) << asset.path;
    EXPECT_EQ(asset.bytes.find("https:"), std::string_view::npos) << asset.path;
  }
}

}  // namespace
}  // namespace orrery::web
