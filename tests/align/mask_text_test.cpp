#include "orrery/align/mask_text.h"

#include <gtest/gtest.h>

#include "tests/align/support.h"

namespace orrery::align {
namespace {

/// Of texts that are learned or not, in turn, the first one not.
LearnedTokens record_of(const std::vector<std::string>& texts) {
  LearnedTokens record;
  for (size_t i = 0; i < texts.size(); ++i) {
    for (const text::TokenId id : ByteTokenizer(false).encode(texts[i])) {
      record.tokens.push_back(id);
      record.learned.push_back(i % 2 == 1);
    }
  }
  return record;
}

std::string shown(const std::vector<std::string>& texts, bool colour) {
  return mask_text(record_of(texts), ByteTokenizer(false), colour);
}

TEST(MaskText, LearnedTokensStandOut) {
  EXPECT_EQ(shown({"1+1=", "2</s>", "\n"}, false), "1+1=⟦2</s>⟧↵\n\n");
  EXPECT_EQ(shown({"1+1=", "2</s>"}, true), "\x1b[2m1+1=\x1b[0m\x1b[32m2</s>\x1b[0m\n");
  EXPECT_EQ(shown({"", "all"}, false), "⟦all⟧\n");
  EXPECT_EQ(shown({}, true), "\n");
}

TEST(MaskText, LineBreaksAreKeptAndSeen) {
  EXPECT_EQ(shown({"", "a\n\nb\r\n"}, false), "⟦a↵\n↵\nb␍↵\n⟧\n");
  EXPECT_EQ(shown({"", "a\nb"}, true), "\x1b[32ma↵\x1b[0m\n\x1b[32mb\x1b[0m\n");  // a pager starts each line anew
}

TEST(MaskText, NothingActsOnATerminal) {
  EXPECT_EQ(shown({"\x1b[2J\a\t\x7f",
                   "\xC2\x9B"
                   "1m"},
                  false),
            "␛[2J␇\t␡⟦\uFFFD1m⟧\n");
  EXPECT_EQ(shown({"\xE4\xBD", "\xA0\xE5\xA5\xBD"}, false), "\uFFFD⟦\uFFFD好⟧\n");  // 你 is learned in part
  EXPECT_EQ(shown({"\xE4\xBD\xA0\xF0\x9F"}, false), "你\uFFFD\n");
}

class MaskTextOfModel : public WithSmolLm2 {};

TEST_F(MaskTextOfModel, ShowsAConversation) {
  const Records all = read_records(
      File(R"({"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "龘\n!"}]})").path);
  const std::string text = mask_text(learned_tokens(all.records.at(0), tokenizer(), chat()), tokenizer(), false);
  EXPECT_NE(text.find("<|im_start|>user↵\n你好<|im_end|>↵\n<|im_start|>assistant↵\n⟦龘↵\n!<|im_end|>⟧↵\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace orrery::align
