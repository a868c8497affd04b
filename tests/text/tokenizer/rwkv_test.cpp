#include "orrery/text/tokenizer/rwkv.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

using Ids = std::vector<TokenId>;

std::string small_vocabulary() {
  std::ifstream file(std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/corpus/tokenizer_rwkv/small.txt");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(RwkvVocabulary, ReadsPythonLiteralsAndTakesTheLongestToken) {
  const auto tokenizer = load_rwkv_vocabulary(small_vocabulary(), "vocab.txt");
  EXPECT_EQ(tokenizer->size(), 307);
  EXPECT_EQ(tokenizer->encode("hHello 字\t\n\r\\"), (Ids{105, 300, 301, 257, 258}));
  EXPECT_EQ(tokenizer->encode("\u3000😀\"'é'"), (Ids{303, 304, 306, 302, 40}));
  EXPECT_EQ(tokenizer->encode("!字"), (Ids{34, 305})) << "no token for the last byte: the vocabulary is not whole";
  EXPECT_EQ(tokenizer->decode(Ids{0, 105, 300, 301, 0}), "hHello 字");
  EXPECT_EQ(tokenizer->bytes(129), "\x80");
  EXPECT_EQ(tokenizer->piece(129), "\\x80");
  EXPECT_EQ(tokenizer->bytes(2), "") << "no line has it";
  EXPECT_EQ(tokenizer->find("Hello"), 300);
  EXPECT_TRUE(tokenizer->is_end_of_generation(0));
  EXPECT_FALSE(tokenizer->is_end_of_generation(300));
  EXPECT_EQ(load_rwkv_vocabulary(small_vocabulary(), "vocab.txt", 320)->size(), 320);
}

TEST(RwkvVocabulary, RefusalsNameTheLine) {
  const auto error = [](const std::string& text, int64_t size = 0) {
    return message_of([&] { load_rwkv_vocabulary(text, "vocab.txt", size); });
  };
  const auto expect = [&](const std::string& text, const std::string& part) {
    EXPECT_NE(error(text).find(part), std::string::npos) << text << ": " << error(text);
  };
  expect("", "no token");
  expect("1 'a' 1\n\n2 'b'\n", "vocab.txt, line 3: found fewer than three words");
  expect("1 'a' 1\n1 'b' 1\n", "line 2: found id 1");
  expect("0 'a' 1\n", "found id 0");
  expect("-1 'a' 1\n", "id that is no number");
  expect("99999999 'a' 1\n", "found id 99999999");
  expect("1 'a' 2\n", "a token of 1 bytes");
  expect("1 '' 0\n", "a token of 0 bytes");
  expect("1 a 1\n", "no literal");
  expect("1 'a\" 1\n", "no literal");
  expect("1 ' 1\n", "no literal");
  expect("1 '\\ 1\n", "no literal");
  expect("1 '\\x4' 1\n", "no literal");
  expect("1 '\\xg0' 1\n", "no literal");
  expect("1 b'\\u0041' 1\n", "no literal");
  expect("1 '\\ud800' 3\n", "no literal");
  expect("1 '\\q' 1\n", "no literal");
  EXPECT_NE(error("9 'a' 1\n", 9).find("an id below the model's 9"), std::string::npos);
  EXPECT_EQ(error("9 'a' 1\r\n", 10), "no error");
}

TEST(ByteTokenizer, IsTheBytes) {
  const auto tokenizer = make_byte_tokenizer();
  EXPECT_EQ(tokenizer->size(), 256);
  EXPECT_EQ(tokenizer->encode("\"in"), (Ids{34, 105, 110}));
  EXPECT_EQ(tokenizer->encode("é\n"), (Ids{0xC3, 0xA9, 10}));
  EXPECT_EQ(tokenizer->decode(Ids{0xC3, 0xA9, 10}), "é\n");
  EXPECT_TRUE(tokenizer->end_of_generation.empty());
}

}  // namespace
}  // namespace orrery::text
