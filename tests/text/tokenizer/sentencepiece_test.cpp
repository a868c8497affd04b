#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/text/tokenizer/loaders.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

class SentencePiece : public testing::TestWithParam<const char*> {};

TEST_P(SentencePiece, GivesTheOriginalsIdsAndText) {
  const std::string name = GetParam();
  const auto tokenizer = Tokenizer::open(fixture(name + ".model"));
  for (const auto& example : nlohmann::json::parse(std::ifstream(fixture(name + ".json")))) {
    const std::string text = example["text"];
    const auto ids = tokenizer->encode(text, {.add_special = false, .parse_special = false});
    ASSERT_EQ(ids, example["ids"].get<std::vector<TokenId>>()) << testing::PrintToString(text);
    EXPECT_EQ(tokenizer->decode(ids), example["decoded"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SentencePiece,
                         testing::Values("sp-bpe-user", "sp-bpe-spaces", "sp-bpe-suffix", "sp-unigram-user",
                                         "sp-unigram-bytes"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(SentencePieceModel, LlamaLikeModelsBeginWithBosAndT5LikeEndWithEos) {
  const auto bpe = Tokenizer::open(fixture("sp-bpe-user.model"));
  EXPECT_TRUE(bpe->add_bos && !bpe->add_eos);
  EXPECT_EQ(bpe->encode("").size(), 1u);
  EXPECT_EQ(bpe->encode("")[0], bpe->bos.value());
  const auto unigram = Tokenizer::open(fixture("sp-unigram-user.model"));
  EXPECT_TRUE(!unigram->add_bos && unigram->add_eos);
  EXPECT_EQ(unigram->encode("").back(), unigram->eos.value());
}

TEST(SentencePieceModel, ParsesSpecialTokensOnlyWhereAsked) {
  const auto tokenizer = Tokenizer::open(fixture("sp-bpe-user.model"));
  const auto ids = tokenizer->encode("</s>", {.add_special = false, .parse_special = true});
  EXPECT_EQ(ids, std::vector<TokenId>{tokenizer->eos.value()});
  EXPECT_GT(tokenizer->encode("</s>", {.add_special = false, .parse_special = false}).size(), 1u);
}

TEST(SentencePieceModel, StreamsWithoutTheDummySpaceAndHalfCharacters) {
  const auto tokenizer = Tokenizer::open(fixture("sp-bpe-user.model"));
  for (const std::string text : {"The way 字 they", " two spaces", "字", "\xF0\x9F\x98\x80!"}) {
    StreamDecoder stream(*tokenizer);
    std::string all;
    for (TokenId id : tokenizer->encode(text)) {
      const std::string part = stream.push(id);
      EXPECT_TRUE(is_utf8(part));
      all += part;
    }
    EXPECT_EQ(all + stream.finish(), text);
  }
}

TEST(SentencePieceModel, StreamEndsWithAReplacementForAnUnfinishedCharacter) {
  const auto tokenizer = Tokenizer::open(fixture("sp-bpe-user.model"));
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(stream.push(tokenizer->find("<0xE5>").value()), "");
  EXPECT_EQ(stream.push(tokenizer->find("<0xAD>").value()), "");
  EXPECT_EQ(stream.push(tokenizer->find("<0x41>").value()), "\uFFFDA");
  EXPECT_EQ(stream.push(tokenizer->find("<0xE5>").value()), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

TEST(SentencePieceModel, EveryTruncationAndFlippedBitIsAnErrorOrATokenizer) {
  const std::string bytes = read_text(fixture("sp-bpe-suffix.model"));
  std::mt19937 random(6);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string broken = bytes.substr(0, random() % 2 ? random() % bytes.size() : bytes.size());
    if (!broken.empty()) broken[random() % broken.size()] ^= static_cast<char>(1 << random() % 8);
    message_of([&] { load_sentencepiece(broken, "broken.model", {})->encode("The <s> 字 x"); });
  }
  EXPECT_NE(message_of([] { load_sentencepiece("", "empty.model", {}); }).find("no pieces"), std::string::npos);
  EXPECT_NE(
      message_of([&] { load_sentencepiece(bytes.substr(0, bytes.size() - 3), "cut.model", {}); }).find("cut.model"),
      std::string::npos);
}

}  // namespace
}  // namespace orrery::text
