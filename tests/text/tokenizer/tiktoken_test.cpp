#include "orrery/text/tokenizer/tiktoken.h"

#include <gtest/gtest.h>

#include "tests/text/tiny_model.h"

namespace orrery::text {

namespace {

const std::filesystem::path kSmall =
    std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus/tokenizer_tiktoken/small.model";

std::string loading(const std::string& text) {
  return error_of([&] { load_tiktoken(text, "tokenizer.model"); });
}

}  // namespace

// The vocabulary is the 256 bytes, then " t" 256, "he", " the", "in", " a", "er", "ll", "llo", "hello", " hello" 265,
// "12", "123", "é" 268, "  ", "    ", "\n\n".
TEST(Tiktoken, RanksAreIdsAndMergeFromTheLowest) {
  const auto tokenizer = Tokenizer::open(kSmall);
  const auto ids = [&](const char* text) { return tokenizer->encode(text, {.add_special = false}); };
  EXPECT_EQ(ids("hello hello"), (std::vector<TokenId>{264, 265}));
  EXPECT_EQ(ids("in the"), (std::vector<TokenId>{259, 258}));
  EXPECT_EQ(ids("1234"), (std::vector<TokenId>{267, '4'}));  // three digits at a time
  EXPECT_EQ(ids("\u00e9"), (std::vector<TokenId>{268}));
  EXPECT_EQ(ids("hell"), (std::vector<TokenId>{257, 262}));
  EXPECT_EQ(tokenizer->decode(ids("hello the \u00e9 1234")), "hello the \u00e9 1234");
}

TEST(Tiktoken, SpecialTokensFollowTheRanks) {
  const auto tokenizer = Tokenizer::open(kSmall);
  EXPECT_EQ(tokenizer->size(), 272 + 256);
  EXPECT_EQ(tokenizer->find("<|begin_of_text|>"), 272);
  EXPECT_EQ(tokenizer->find("<|eot_id|>"), 272 + 9);
  EXPECT_EQ(tokenizer->find("<|reserved_special_token_0|>"), 272 + 2);
  EXPECT_EQ(tokenizer->find("<|reserved_special_token_247|>"), 272 + 255);
  EXPECT_EQ(tokenizer->encode("hello<|eot_id|>"), (std::vector<TokenId>{272, 264, 281}));
  EXPECT_TRUE(tokenizer->is_end_of_generation(272 + 1) && tokenizer->is_end_of_generation(272 + 9) &&
              tokenizer->is_end_of_generation(272 + 8));
}

TEST(Tiktoken, WrongLinesAreNamed) {
  expect_contains(loading("AA== 0\nAQ== 2\n"), {"tokenizer.model, line 2", "2", "1, the next"});
  expect_contains(loading("AA==\n"), {"line 1", "one word"});
  expect_contains(loading("A*== 0\n"), {"line 1"});
  expect_contains(loading("AA== 0x\n"), {"line 1", "0x"});
  EXPECT_TRUE(is_tiktoken("IQ== 0\nIg== 1\n"));
  EXPECT_FALSE(is_tiktoken("\n\x0e\n\x05<unk>\x15"));  // SentencePiece's ModelProto
  EXPECT_FALSE(is_tiktoken("word 0 more"));
}

}  // namespace orrery::text
