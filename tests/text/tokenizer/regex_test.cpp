#include "orrery/text/tokenizer/regex.h"

#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

std::vector<std::string> matches(const std::string& pattern, const std::string& text) {
  const Regex regex(pattern);
  std::vector<std::string> found;
  for (Regex::Search search(regex, text); search.next();)
    found.push_back(text.substr(search.begin(), search.end() - search.begin()));
  return found;
}

using Found = std::vector<std::string>;

// Expected values: Oniguruma 6.9.10, through the PyPI package tokenizers 0.23.3 (Split with "Removed" and invert).
TEST(Regex, MeansWhatOnigurumaMeans) {
  EXPECT_EQ(matches(R"(\s+)", "a\u0085b\u180ec\u3000"), (Found{"\u0085", "\u3000"}));
  EXPECT_EQ(matches(R"([^\S\n]+)", "a \n\tb"), (Found{" ", "\t"}));
  EXPECT_EQ(matches(R"(\w+)", "a²Ⓐ\u0301⁴_"), (Found{"a²Ⓐ\u0301", "_"}));
  EXPECT_EQ(matches(R"([\w]+)", "a²Ⓐ"), (Found{"a", "Ⓐ"})) << "inside brackets, six of Latin-1 are missing";
  EXPECT_EQ(matches(R"([^\W\d_]+)", "ab1_c"), (Found{"ab", "c"}));
  EXPECT_EQ(matches(R"(\h+)", "xyz12Fg"), (Found{"12F"})) << "hexadecimal digits";
  EXPECT_EQ(matches(R"([\p{L}&&[^a-m]]+)", "amzA1"), (Found{"zA"}));
  EXPECT_EQ(matches(R"([[:punct:]]+)", "a$!€1"), (Found{"$!€"}));
  EXPECT_EQ(matches(R"([[:^alpha:]]+)", "a12b"), (Found{"12"}));
  EXPECT_EQ(matches(R"(^\s+|\s+$)", " a \n b "), (Found{" ", " ", " ", " "})) << "^ and $ are of lines";
  EXPECT_EQ(matches(R"(a.b)", "a\nb"), (Found{}));
  EXPECT_EQ(matches(R"((?m:a.b))", "a\nb"), (Found{"a\nb"})) << "Ruby's m lets a dot match newlines";
  EXPECT_EQ(matches(R"((?i:'s))", "'S'ſ"), (Found{"'S", "'ſ"}));
  EXPECT_EQ(matches(R"(\p{Letter}+)", "ab1"), (Found{"ab"}));
  EXPECT_EQ(matches(R"([]a]+)", "]ab"), (Found{"]a"}));
  EXPECT_EQ(matches("\\u0061+", "aab"), (Found{"aa"}));
}

TEST(Regex, KnowsCharactersNewerThanTheLibrary) {
  EXPECT_EQ(matches(R"(\p{L}+)", "a\U00031350\U00010D50!"), (Found{"a\U00031350\U00010D50"}));
  EXPECT_EQ(matches(R"(\p{Nd}+)", "\U00010D40\U00010D49x"), (Found{"\U00010D40\U00010D49"}));
  EXPECT_EQ(matches(R"(\p{Han}+)", "\U00031350x"), (Found{"\U00031350"}));
}

TEST(Regex, EmptyMatchesMoveOn) {
  const Regex regex(R"((?=(\d{3})+(?!\d)))");
  std::vector<size_t> places;
  const std::string text = "1234567";
  for (Regex::Search search(regex, text); search.next();) {
    EXPECT_EQ(search.begin(), search.end());
    places.push_back(search.begin());
  }
  EXPECT_EQ(places, (std::vector<size_t>{1, 4}));
}

TEST(Regex, RefusesWhatItCannotRead) {
  EXPECT_NE(message_of([] { Regex("(a"); }).find("(a"), std::string::npos);
  EXPECT_NE(message_of([] { Regex("[a"); }).find("unclosed character class"), std::string::npos);
  EXPECT_NE(message_of([] { Regex("a\\"); }).find("backslash"), std::string::npos);
  EXPECT_NE(message_of([] { Regex("[[:wrong:]]"); }).find("[:wrong:]"), std::string::npos);
  EXPECT_NE(message_of([] { Regex(std::string(5000, '[')); }), "no error");
}

TEST(Regex, BacktrackingWithoutEndIsAnError) {
  const std::string text = std::string(60, 'a') + "b";
  EXPECT_NE(message_of([&] { matches("(a+)+$", text); }).find("(a+)+$"), std::string::npos);
}

TEST(Regex, LongTextsNeedNoStack) { EXPECT_EQ(matches(R"((?:\p{L}\p{M}*)+)", std::string(300000, 'a')).size(), 1u); }

}  // namespace
}  // namespace orrery::text
