#include "orrery/text/tokenizer/utf8.h"

#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

TEST(Utf8, EveryCharacterSurvives) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    ASSERT_EQ(decode_utf8(text.data()).code, code);
    ASSERT_EQ(decode_utf8(text.data()).length, text.size());
    ASSERT_EQ(utf8_length(text[0]), text.size());
    ASSERT_TRUE(is_utf8(text));
  }
}

// The examples of The Unicode Standard 15, table 3-8 to 3-11: maximal subparts.
TEST(Utf8, IllFormedPartsAreReplacedAsTheStandardAdvises) {
  const std::string r(kReplacementCharacter);
  EXPECT_EQ(repair_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(repair_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(repair_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
  EXPECT_EQ(repair_utf8("\xE5\xAD"), r);
}

TEST(Utf8, ValidityAgreesWithRepair) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (size_t i = random() % 24; i > 0; --i)
      text.push_back(static_cast<char>("\x41\x7F\x80\xBF\xC2\xE0\xA0\xED\x9F\xF0\x90\xF4\x8F\xFF"[random() % 14]));
    ASSERT_EQ(is_utf8(text), repair_utf8(text) == text) << testing::PrintToString(text);
    ASSERT_TRUE(is_utf8(repair_utf8(text)));
  }
}

}  // namespace
}  // namespace orrery::text
