#include "orrery/text/documents/pdf.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "orrery/base/error.h"
#include "tests/text/documents/files.h"
#include "tests/text/documents/tiny_pdf.h"

namespace orrery::text {
namespace {

#define NEEDS_PDFTOTEXT \
  if (!find_program("pdftotext")) GTEST_SKIP() << "pdftotext is missing: the package poppler-utils"

Document read(const std::string& pdf, const PageRange& range = {}, const ChildLimits& limits = {}) {
  const TemporaryFile file(pdf, ".pdf");
  return read_pdf(file.path(), range, limits);
}

std::string pdf_refusal(const std::string& pdf, const PageRange& range = {}, const ChildLimits& limits = {}) {
  try {
    read(pdf, range, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Pdf, PagesKeepTheirNumbers) {
  NEEDS_PDFTOTEXT;
  const std::string pdf = pdf_of_pages({"one", "two", "three", "four"});
  const Document all = read(pdf);
  ASSERT_EQ(all.pages.size(), 4u);
  EXPECT_EQ(all.pages[3].number, 4);
  EXPECT_NE(all.pages[3].text.find("four"), std::string::npos);
  EXPECT_EQ(all.warning, "");
  const Document some = read(pdf, {.first = 2, .last = 3});
  ASSERT_EQ(some.pages.size(), 2u);
  EXPECT_EQ(some.pages[0].number, 2);
  EXPECT_NE(some.pages[0].text.find("two"), std::string::npos);
}

TEST(Pdf, PagesWithoutTextAreNamed) {
  NEEDS_PDFTOTEXT;
  const Document document = read(pdf_of_pages({"one", "", "three"}));
  ASSERT_EQ(document.pages.size(), 2u);
  EXPECT_EQ(document.pages[1].number, 3);
  EXPECT_EQ(document.warning, "no text on page 2");
}

TEST(Pdf, OneOfPicturesOnlyIsRefused) {
  NEEDS_PDFTOTEXT;
  const std::string message = pdf_refusal(pdf_of_pages({"", ""}));
  EXPECT_NE(message.find("no text on 2 pages: pictures"), std::string::npos) << message;
  EXPECT_NE(message.find("ocrmypdf"), std::string::npos) << message;
}

TEST(Pdf, PagesThatItDoesNotHaveAreRefused) {
  NEEDS_PDFTOTEXT;
  const std::string pdf = pdf_of_pages({"one", "two"});
  EXPECT_NE(pdf_refusal(pdf, {.first = 7}).find("found 2 pages, expected page 7"), std::string::npos);
  EXPECT_NE(pdf_refusal(pdf, {.first = 2, .last = 5}).find("found 2 pages, expected page 5"), std::string::npos);
}

TEST(Pdf, EncryptedOneIsRefused) {
  NEEDS_PDFTOTEXT;
  try {  // tests/text/scripts/encrypted_pdf.sh made it
    read_pdf(std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/documents/encrypted.pdf", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("needs a password"), std::string::npos) << error.what();
  }
}

TEST(Pdf, DamagedOnesAreRefusedOrSaidToBeDamaged) {
  NEEDS_PDFTOTEXT;
  const std::string whole = pdf_of_pages({"some text", "more of it"});
  EXPECT_NE(pdf_refusal("").find("an empty file"), std::string::npos);
  EXPECT_NE(pdf_refusal("%PDF-1.7\nnothing else").find("damaged"), std::string::npos);
  for (size_t size = 9; size + 12 < whole.size(); size += 97) {  // without its last line it is still whole
    const TemporaryFile file(whole.substr(0, size), ".pdf");
    try {
      EXPECT_NE(read_pdf(file.path(), {}).warning.find("damaged"), std::string::npos) << size;
    } catch (const Error&) {
    }
  }
}

TEST(Pdf, OneThatRunsWithoutEndIsStopped) {
  NEEDS_PDFTOTEXT;
  EXPECT_NE(pdf_refusal(pdf_that_never_ends(12), {}, {.cpu_seconds = 1, .wall_seconds = 600})
                .find("at most 1 s of processor time"),
            std::string::npos);
  EXPECT_NE(pdf_refusal(pdf_that_never_ends(12), {}, {.wall_seconds = 1}).find("at most 1 s"), std::string::npos);
}

TEST(Pdf, OneOfMoreTextThanFitsIsStopped) {
  NEEDS_PDFTOTEXT;
  EXPECT_NE(pdf_refusal(pdf_of_pages({"one", "two"}), {}, {.output_bytes = 5}).find("more text than fits"),
            std::string::npos);
}

TEST(Pdf, AMissingPdftotextIsSaidWithItsPackage) {
  const TemporaryFile file(pdf_of_pages({"one"}), ".pdf");
  const char* before = std::getenv("PATH");
  const std::string path = before == nullptr ? "" : before;
  ::setenv("PATH", "/nowhere", 1);
  std::string message;
  try {
    read_pdf(file.path(), {});
  } catch (const Error& error) {
    message = error.what();
  }
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_NE(message.find("poppler-utils"), std::string::npos) << message;
}

TEST(Pdf, NamesThatLookLikeOptionsAreNames) {
  NEEDS_PDFTOTEXT;
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  for (const char* name : {"-v", "--help", "-opw", "a b;$(c)'\".pdf"}) {
    std::ofstream(name, std::ios::binary) << pdf_of_pages({"inside"});
    EXPECT_NE(read_pdf(name, {}).pages.at(0).text.find("inside"), std::string::npos) << name;
  }
  std::filesystem::current_path(before);
}

// The words that pypdf finds, from ../shared/data/pdf/README.md: the two part words a little differently.
TEST(Pdf, RealOnesHaveTheirWords) {
  NEEDS_PDFTOTEXT;
  const std::filesystem::path folder = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/data/pdf";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "../shared/data/pdf is missing";
  const struct {
    const char* name;
    size_t pages;
    int64_t words;
  } expected[] = {{"multicolumn", 3, 1070},
                  {"pdflatex-4-pages", 4, 2603},
                  {"pdflatex-outline", 4, 1412},
                  {"google-doc-document", 1, 183},
                  {"crazyones-pdfa", 1, 170},
                  {"pdflatex-image", 1, 104},
                  {"minimal-document", 1, 102},
                  {"002-trivial-libre-office-writer", 1, 100},
                  {"habibi", 1, 3}};
  for (const auto& [name, pages, words] : expected) {
    const Document document = read_pdf(folder / (std::string(name) + ".pdf"), {});
    EXPECT_EQ(document.pages.size(), pages) << name;
    EXPECT_EQ(document.warning, "") << name;
    int64_t found = 0;
    for (const Page& page : document.pages) {
      std::istringstream text(page.text);
      for (std::string word; text >> word;) ++found;
    }
    EXPECT_NEAR(static_cast<double>(found), static_cast<double>(words), 2 + 0.06 * static_cast<double>(words)) << name;
  }
  EXPECT_THROW(read_pdf(folder / "grayscale-image.pdf", {}), Error);  // a picture
}

TEST(Pdf, OutputIsCutAtFormFeeds) {
  const std::vector<Page> pages = split_pages(
      "a\n\f\f\x01"
      "c\xFF\n\f",
      5);
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_EQ(pages[0].text, "a\n");
  EXPECT_EQ(pages[1].text, "");
  EXPECT_EQ(pages[2].number, 7);
  EXPECT_EQ(pages[2].text, "c\xEF\xBF\xBD\n");
  EXPECT_TRUE(split_pages("", 1).empty());
}

}  // namespace
}  // namespace orrery::text
