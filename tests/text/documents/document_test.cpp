#include "orrery/text/documents/document.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "orrery/text/documents/plain_text.h"
#include "tests/text/documents/files.h"

namespace orrery::text {
namespace {

std::string text_of(const std::string& bytes, const std::string& extension) {
  const TemporaryFile file(bytes, extension);
  return read_document(file.path()).pages.at(0).text;
}

std::string refusal(const std::string& bytes, const std::string& extension, const PageRange& pages = {}) {
  const TemporaryFile file(bytes, extension);
  try {
    read_document(file.path(), pages);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Document, PlainTextAndMarkdownAreAsTheyAre) {
  EXPECT_EQ(text_of("# Title\n\n  two  blanks <b>\n", ".md"), "# Title\n\n  two  blanks <b>\n");
  EXPECT_EQ(text_of("A PDF begins with %PDF-", ".txt"), "A PDF begins with %PDF-");
}

TEST(Document, EncodingsOfPlainText) {
  EXPECT_EQ(text_of("\xEF\xBB\xBF"
                    "caf\xC3\xA9",
                    ".txt"),
            "café");
  EXPECT_EQ(text_of("caf\xE9 \x80", ".txt"), "café €");
  EXPECT_EQ(text_of(std::string("\xFF\xFE"
                                "a\0\x3D\xD8\x00\xDE",
                                8),
                    ".txt"),
            "a😀");
  EXPECT_EQ(text_of(std::string("\xFE\xFF\0a\xD8\x3D\xDE\0", 8), ".txt"), "a😀");
  EXPECT_EQ(to_utf8(std::string("\x3D\xD8"
                                "a\0\x00\xDC"
                                "b",
                                7),
                    Charset::kUtf16Le),
            "\uFFFDa\uFFFD\uFFFD");
  // One damaged byte does not make a UTF-8 file Latin-1.
  EXPECT_EQ(text_of("caf\xC3\xA9 \xE6\x9D\xB1 \xFF", ".txt"), "café 東 \uFFFD");
}

TEST(Document, HtmlIsKnownByItsNameOrItsBeginning) {
  EXPECT_EQ(text_of("<p>a</p>", ".HTM"), "a\n");
  EXPECT_EQ(text_of("<!doctype html><p>a</p>", ".txt"), "a\n");
  EXPECT_EQ(text_of("<p>a</p>", ".md"), "<p>a</p>");
}

TEST(Document, WhatIsNoTextIsRefusedByItsKind) {
  using namespace std::string_literals;
  EXPECT_NE(refusal("PK\3\4rest", ".docx").find("a ZIP archive"), std::string::npos);
  EXPECT_NE(refusal("\x89PNG\r\n", ".txt").find("pictures are for --image"), std::string::npos);
  EXPECT_NE(refusal("RIFF\1\2\3\4WEBPVP8 ", ".txt").find("a WebP picture"), std::string::npos);
  EXPECT_NE(refusal("text\0more"s, ".txt").find("binary data"), std::string::npos);
  EXPECT_NE(refusal("\1\2\3\4\5\6", ".txt").find("binary data"), std::string::npos);
  EXPECT_NE(refusal("", ".txt").find("no text"), std::string::npos);
  EXPECT_NE(refusal(" \n\t", ".txt").find("no text"), std::string::npos);
  EXPECT_NE(refusal("<p></p>", ".html").find("a page without text"), std::string::npos);
  EXPECT_NE(refusal("", ".pdf").find("an empty file"), std::string::npos);
  EXPECT_NE(refusal("text", ".pdf").find("no %PDF- in its first 1024 bytes"), std::string::npos);
  EXPECT_NE(refusal("text", ".txt", {.first = 2}).find("a file without pages"), std::string::npos);
  EXPECT_THROW(read_document("/no/such/file.txt"), Error);
  EXPECT_THROW(document_from_bytes("%PDF-1.4", "standard input"), Error);
}

TEST(Document, PagesAreCited) {
  const Document pdf{.name = "report.pdf", .pages = {{1, "one\n"}, {3, "three\n\n"}}};
  const Document notes{.name = "notes.md", .pages = {{0, "text\n"}}};
  EXPECT_EQ(cited_text(std::vector{pdf}), "[report.pdf, page 1]\none\n\n[report.pdf, page 3]\nthree");
  EXPECT_EQ(cited_text(std::vector{notes, pdf}),
            "[notes.md]\ntext\n\n[report.pdf, page 1]\none\n\n[report.pdf, page 3]\nthree");
  EXPECT_EQ(cited_text(std::vector{notes}), "text\n");
  EXPECT_EQ(cited_text({}), "");
}

}  // namespace
}  // namespace orrery::text
