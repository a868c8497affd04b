// Tokens that a request gives a meaning: special ones whose text is shown, and ones that end the answer.
#include "tests/text/engine/stories.h"

namespace orrery::text {
namespace {

TEST_F(EngineTest, ShownTokensHaveTheirText) {
  Engine engine(stories(), {.threads = 2});
  const Tokenizer& tokenizer = stories()->tokenizer();
  const TokenId mark = *tokenizer.bos;
  const auto text_with = [&](std::vector<TokenId> shown) {
    Request asked = request("Once upon a time");
    asked.grammar = std::make_shared<Grammar>(
        Grammar::from_gbnf("root ::= \"a\" <[" + std::to_string(mark) + "]> \"b\"", make_token_trie(tokenizer)));
    asked.shown_tokens = std::move(shown);
    return engine.submit(std::move(asked)).text();
  };
  EXPECT_EQ(text_with({}), "ab");
  EXPECT_EQ(text_with({mark}), "a" + std::string(tokenizer.bytes(mark, true)) + "b");
  EXPECT_EQ(text_with({mark + 1}), "ab");
}

TEST_F(EngineTest, EndTokensEndTheAnswerAndAreNoPartOfIt) {
  Engine engine(stories(), {.threads = 2});
  const auto free = answer(engine.submit(request("Once upon a time")));
  ASSERT_GT(free.tokens.size(), 3u);
  Request asked = request("Once upon a time");
  asked.end_tokens = {free.tokens[2]};
  asked.ignore_eos = true;
  const auto ended = answer(engine.submit(std::move(asked)));
  EXPECT_EQ(ended.finish, FinishReason::kStop);
  const auto first = std::find(free.tokens.begin(), free.tokens.end(), free.tokens[2]);
  EXPECT_EQ(ended.tokens, std::vector<TokenId>(free.tokens.begin(), first));
}

}  // namespace
}  // namespace orrery::text
