#include "orrery/text/tokenizer/unicode.h"

#include <utf8proc.h>

#include <cstdlib>

#include "orrery/text/tokenizer/unicode_forms.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

TEST(Unicode, ClassesFollowUnicode16) {
  EXPECT_EQ(category(0x31350), Category::kLo) << "Unicode 15";
  EXPECT_EQ(category(0x10D40), Category::kNd) << "Unicode 16";
  EXPECT_EQ(category(0x1E5FF), Category::kPo) << "Unicode 16";
  EXPECT_EQ(category(0x1171E), Category::kMc) << "corrected in 16";
  EXPECT_EQ(category(0x378), Category::kCn);
  EXPECT_EQ(char_class(U'ǅ'), kUpper);
  EXPECT_EQ(char_class(U'字'), kOtherLetter);
  EXPECT_EQ(char_class(0x301), kMark);
  EXPECT_EQ(char_class(U'²'), kNumber);
  EXPECT_EQ(char_class(0x85), kSpace);
  EXPECT_EQ(char_class(0x180E), 0) << "a format character, no space";
}

TEST(Unicode, AsciiTableAgreesWithCategories) {
  for (char32_t code = 0; code < 128; ++code) {
    EXPECT_EQ(char_class(code), detail::wide_char_class(code)) << static_cast<int>(code);
  }
}

TEST(Unicode, WordCharactersAreThoseOfTheTwoEngines) {
  for (char32_t code : {U'a', U'5', U'_', char32_t{0x301}, U'Ⅷ', U'Ⓐ'}) {
    EXPECT_TRUE(is_oniguruma_word(code) && is_rust_word(code)) << static_cast<int>(code);
  }
  EXPECT_TRUE(is_oniguruma_word(U'²') && !is_rust_word(U'²'));
  EXPECT_TRUE(is_rust_word(0x200D) && !is_oniguruma_word(0x200D));
  EXPECT_FALSE(is_oniguruma_word(U'⁴') || is_rust_word(U'⁴'));
}

TEST(Unicode, StandInsKeepLengthAndCategory) {
  std::string shadow;
  EXPECT_FALSE(shadow_newer("Hello 字 😀", shadow));
  for (size_t i = 0; i < kNewerCharacterCount; ++i) {
    const NewerCharacters& range = kNewerCharacters[i];
    EXPECT_EQ(category(range.stand_in), range.category) << std::hex << static_cast<int>(range.first);
    std::string text = "x", expected = "x";
    append_utf8(text, range.last);
    append_utf8(expected, range.stand_in);
    ASSERT_TRUE(shadow_newer(text + "y", shadow));
    EXPECT_EQ(shadow, expected + "y");
    EXPECT_EQ(shadow.size(), text.size() + 1);
  }
}

TEST(Unicode, LowerCase) {
  const auto lower = [](char32_t code) {
    std::string text;
    append_lowercase(text, code);
    return text;
  };
  EXPECT_EQ(lower(U'A'), "a");
  EXPECT_EQ(lower(U'Σ'), "σ");
  EXPECT_EQ(lower(U'İ'), "i\u0307");
  EXPECT_EQ(lower(0x10D50), "\U00010D70");
}

std::string by_utf8proc(const std::string& text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  std::string result(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
  std::free(mapped);
  return result;
}

TEST(UnicodeForms, AgreeWithUtf8procOnWholeTexts) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (size_t i = random() % 12; i > 0; --i) {
      static constexpr char32_t kStarts[] = {0x41,   0xC0,   0x300,  0x31B,  0x1100, 0x1161,  0x11A8, 0xAC00,
                                             0x1E9B, 0xFB01, 0x3099, 0x304B, 0x4E00, 0x1D15E, 0x0344};
      append_utf8(text, kStarts[random() % std::size(kStarts)] + random() % 30);
    }
    for (const auto& [form, options] : {std::pair(UnicodeForm::kNfc, int(UTF8PROC_COMPOSE)),
                                        {UnicodeForm::kNfd, int(UTF8PROC_DECOMPOSE)},
                                        {UnicodeForm::kNfkc, UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
                                        {UnicodeForm::kNfkd, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}}) {
      std::string normalized = text;
      normalize_unicode(normalized, form);
      ASSERT_EQ(normalized, by_utf8proc(text, options))
          << testing::PrintToString(text) << ", form " << static_cast<int>(form);
    }
  }
}

TEST(UnicodeForms, LongRunsOfMarksAreSorted) {
  std::string text = "a";
  for (int i = 0; i < 100000; ++i) text += i % 2 ? "\u0323" : "\u0301";  // classes 220 and 230
  normalize_unicode(text, UnicodeForm::kNfd);
  EXPECT_EQ(text.substr(0, 3), "a\u0323");
  EXPECT_EQ(text.substr(text.size() - 2), "\u0301");
}

}  // namespace
}  // namespace orrery::text
