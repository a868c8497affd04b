// Folding for the search, and which database a string means.
#include "../formats/support.h"
#include "orrery/serve/store/database_url.h"
#include "orrery/serve/store/folding.h"

namespace orrery::serve {
namespace {

using formats::error_message;

TEST(Folding, ComparesWhatReadersCallTheSame) {
  EXPECT_EQ(fold("Straße"), fold("STRASSE"));
  EXPECT_EQ(fold("\u00e9"), fold("E\u0301"));
  EXPECT_EQ(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
  EXPECT_EQ(fold("ﬁ"), "fi");
  EXPECT_EQ(fold("ＡＢＣ１２３"), "abc123");
  EXPECT_EQ(fold("soft\u00adhy\u200bphen"), "softhyphen");
  EXPECT_EQ(fold("a \t\r\n\u00a0\u3000b\x01"), "a b ");
  EXPECT_EQ(fold(""), "");
  EXPECT_NE(fold("a"), fold("b"));
}

TEST(Folding, RefusesWhatIsNotUtf8) {
  for (const char* bad : {"\xff", "ok\xe2\x82", "\xed\xa0\x80"})
    EXPECT_CONTAINS(error_message([&] { fold(bad); }), "UTF-8");
}

TEST(Folding, StopsBeforeItGrowsEndlessly) {
  std::string text;
  for (int i = 0; i < 1 << 20; ++i) text += "\ufdfa";  // eighteen characters each
  EXPECT_LE(fold(text).size(), (16u << 20) + 64);
}

TEST(Folding, SnippetsFindThePlaceInTheText) {
  EXPECT_EQ(snippet("The Straße is long", fold("STRASSE IS")), "The Straße is long");
  EXPECT_EQ(snippet("nothing", "needle"), "");
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ﬁ北 ";
  const std::string around = snippet(text + "NEEDLE" + text, "needle");
  EXPECT_NE(around.find("NEEDLE"), std::string::npos) << around;
  EXPECT_TRUE(around.starts_with("…")) << around;
  EXPECT_NO_THROW(fold(around)) << "no character is cut";
}

TEST(DatabaseUrl, MeansAFileOrAServer) {
  EXPECT_EQ(parse_database_url("sqlite:///home/ann/x.db").path, "/home/ann/x.db");
  EXPECT_EQ(parse_database_url("/home/ann/x.db").path, "/home/ann/x.db");
  EXPECT_EQ(parse_database_url("x.db").path, std::filesystem::current_path() / "x.db");
  EXPECT_EQ(parse_database_url("file:x.db").path, std::filesystem::current_path() / "file:x.db")
      << "no URI of SQLite's";
  EXPECT_CONTAINS(error_message([] { parse_database_url("mysql://host/x"); }), "mysql://");
  EXPECT_CONTAINS(error_message([] { parse_database_url("sqlite://x.db"); }), "sqlite://");
  EXPECT_CONTAINS(error_message([] { parse_database_url(std::string("a\0b", 3)); }), "NUL");
}

TEST(DatabaseUrl, NeverShowsAPassword) {
  const DatabaseUrl url =
      parse_database_url("postgresql://ann:se%27cr%5Cet@db.example:5433/orrery?sslmode=verify-full");
  EXPECT_TRUE(url.postgres());
  EXPECT_EQ(url.shown, "postgresql://ann@db.example:5433/orrery");
  EXPECT_CONTAINS(url.conninfo, R"(password='se\'cr\\et')");
  EXPECT_CONTAINS(url.conninfo, "sslmode='verify-full'");
  EXPECT_CONTAINS(url.conninfo, "client_encoding='UTF8'");
  const std::string message = error_message([] { parse_database_url("postgresql://ann:secret@host/x?nonsense=1"); });
  EXPECT_CONTAINS(message, "malformed");
  EXPECT_EQ(message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace orrery::serve
