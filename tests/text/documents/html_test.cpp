#include "orrery/text/documents/html.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "orrery/text/documents/html_entities.h"

namespace orrery::text {
namespace {

TEST(Html, TitleHeadingsAndParagraphs) {
  EXPECT_EQ(html_to_text("<!DOCTYPE html><html><head><title>A  page</title><meta charset=utf-8></head>"
                         "<body><h2>First</h2><p>One\n two.<p>Three<br>four</body></html>"),
            "# A page\n\n## First\n\nOne two.\n\nThree\nfour\n");
}

TEST(Html, ScriptsStylesCommentsAndTemplatesAreDropped) {
  EXPECT_EQ(html_to_text("a<script>if (1 < 2) document.write('<p>no</p>');</script><style>p { }</style>"
                         "<!-- <p>no --><!doctype x><?php no ?><template>no<template>no</template>no</template>"
                         "<svg><title>no</title><svg/></svg>b"),
            "ab\n");
  EXPECT_EQ(html_to_text("a<script>never ends <p>b"), "a\n");
  EXPECT_EQ(html_to_text("a<SCRIPT>x</scripty></Script >b"), "ab\n");
  EXPECT_EQ(html_to_text("a<!-->b<!--->c<!-- never ends"), "abc\n");
}

TEST(Html, ListsAreMarkedNumberedAndIndented) {
  EXPECT_EQ(html_to_text("<ul><li>a<ol start=3><li>b<li>c</ol></li><li></li><li>d</ul>e"),
            "- a\n  3. b\n  4. c\n- d\n\ne\n");
  EXPECT_EQ(html_to_text("<li>alone"), "- alone\n");
}

TEST(Html, RowsOfTablesAreLines) {
  EXPECT_EQ(html_to_text("x<table><tr><th>Name<th>Age<tr><td><p>Ann</p><p>B.</p></td><td>7</td></tr></table>y"),
            "x\n\n| Name | Age |\n| Ann B. | 7 |\n\ny\n");
}

TEST(Html, ATableInATableStandsOnItsOwnLines) {
  EXPECT_EQ(html_to_text("<table><tr><td>a<table><tr><td>b<td>c</table>d</table>"), "| a\n\n| b | c |\n\nd |\n");
}

TEST(Html, PreformattedTextKeepsItsBlanks) {
  EXPECT_EQ(html_to_text("a<pre>\n  x\n\n    y\n</pre>b"), "a\n\n  x\n\n    y\n\n\nb\n");
}

TEST(Html, PicturesAreTheirAlternativeText) {
  EXPECT_EQ(html_to_text("a <img src=x alt='a &amp; b'> c<img>"), "a a & b c\n");
}

TEST(Html, WhatIsNoMarkupIsText) {
  EXPECT_EQ(html_to_text("1 < 2 and 3<4 & 5 <> </ > x<"), "1 < 2 and 3<4 & 5 <> x<\n");
  EXPECT_EQ(html_to_text("a<b"), "a\n");                           // an unfinished tag
  EXPECT_EQ(html_to_text("<a title='>' b=\">\" c>d</a>"), "d\n");  // quoted '>'
  EXPECT_EQ(html_to_text(""), "");
}

TEST(Html, CharacterReferences) {
  EXPECT_EQ(resolve_references("&lt;&gt;&amp;&quot;&apos;&eacute;&euro;&thetasym;"), "<>&\"'é€ϑ");
  EXPECT_EQ(resolve_references("&#233;&#xE9;&#Xe9 &#x80;&#0;&#xD800;&#x110000;&#99999999999;"),
            "ééé €\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(resolve_references("&notit; &copy2 &euro x &nosuch; & &; &# &#x;"),
            "¬it; ©2 &euro x &nosuch; & &; &# &#x;");
}

TEST(Html, CharsetsAreObeyed) {
  const std::string latin = "<meta charset=ISO-8859-1>caf\xE9 \x93quoted\x94";
  EXPECT_EQ(html_file_text(latin, "x.html"), "café “quoted”\n");
  EXPECT_EQ(html_file_text("<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>\x80", "x.html"),
            "€\n");
  EXPECT_EQ(html_file_text("<?xml version='1.0' encoding='latin1'?><html>\xE9", "x.html"), "é\n");
  EXPECT_EQ(html_file_text("<meta charset=utf-8>caf\xC3\xA9", "x.html"), "café\n");
  EXPECT_EQ(html_file_text("\xEF\xBB\xBF<meta charset=latin1>caf\xC3\xA9", "x.html"), "café\n");
  EXPECT_EQ(html_file_text("caf\xE9", "x.html"), "café\n");
  EXPECT_EQ(html_file_text(std::string("\xFF\xFE<\0p\0>\0\xE9\0", 10), "x.html"), "é\n");
  EXPECT_EQ(html_file_text("<meta charset=shift_jis>recoded: caf\xC3\xA9", "x.html"), "recoded: café\n");
  try {
    html_file_text("<meta charset=Shift_JIS>\x83\x65", "x.html");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("x.html: found the charset shift_jis"), std::string::npos) << error.what();
  }
  EXPECT_THROW(html_file_text(std::string("<p>\0\0\0", 6), "x.html"), Error);
}

TEST(Html, PagesAreRecognised) {
  EXPECT_TRUE(looks_like_html("\xEF\xBB\xBF \n<!-- c --><!DOCTYPE HTML PUBLIC"));
  EXPECT_TRUE(looks_like_html("<?xml version='1.0'?><html xmlns='x'>"));
  EXPECT_FALSE(looks_like_html("# <html> in a heading"));
  EXPECT_FALSE(looks_like_html("<!-- never ends"));
}

// Each would take minutes or gigabytes in a reader that is not linear.
TEST(Html, HostileNestingAndUnfinishedMarkupStayLinear) {
  const auto repeated = [](std::string_view part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  constexpr int kMany = 200'000;
  EXPECT_LT(html_to_text(repeated("<ul><li>x", kMany)).size(), 60u * kMany);
  EXPECT_EQ(html_to_text(repeated("<div>", kMany) + "x"), "x\n");
  EXPECT_EQ(html_to_text("x" + repeated("<!", kMany)), "x\n");
  EXPECT_EQ(html_to_text("x" + repeated("<a '", kMany)), "x\n");
  EXPECT_EQ(html_to_text("x<script>" + repeated("</", kMany)), "x\n");
  EXPECT_EQ(html_to_text(repeated("<br>", kMany) + "x"), "x\n");
  EXPECT_EQ(html_to_text(repeated("<svg>", kMany) + "x"), "");
  EXPECT_EQ(html_to_text("x" + repeated("<table>", kMany) + repeated("</table>", kMany)), "x\n");
  EXPECT_EQ(resolve_references(repeated("&", kMany)).size(), static_cast<size_t>(kMany));
  EXPECT_EQ(html_to_text("<a " + repeated("alt='x' ", kMany) + ">x"), "x\n");
}

}  // namespace
}  // namespace orrery::text
