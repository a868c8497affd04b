#include "orrery/text/sampling/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "tests/text/sampling/toy_tokenizer.h"

namespace orrery::text {

TEST(TokenWindow, HoldsTheLastTokens) {
  for (int32_t limit : {0, 1, 2, 5, -1}) {
    TokenWindow window(limit);
    std::vector<TokenId> all;
    for (TokenId token = 0; token < 40; ++token) {
      window.push(token);
      all.push_back(token);
      const size_t n = limit < 0 ? all.size() : std::min(all.size(), size_t(limit));
      ASSERT_TRUE(std::equal(window.tokens().begin(), window.tokens().end(), all.end() - std::ptrdiff_t(n), all.end()));
    }
  }
}

TEST(Penalties, DividePositiveLogitsAndMultiplyNegativeOnes) {
  Penalties penalties(/*last_n=*/3, /*repeat=*/2, /*frequency=*/0.5f, /*presence=*/0.25f);
  for (TokenId token : {4, 0, 1, 1}) penalties.accept(token);  // the window holds 0 1 1
  std::vector<float> logits = {3, -3, 3, -3, 3};
  for (int repeat = 0; repeat < 2; ++repeat) {  // the counts are the same after a call
    auto edited = logits;
    EditedLogits view;
    view.start(edited);
    penalties.apply(view);
    EXPECT_EQ(edited, (std::vector<float>{3 / 2.f - 0.5f - 0.25f, -3 * 2.f - 2 * 0.5f - 0.25f, 3, -3, 3}));
    EXPECT_EQ(view.original(1), -3);
  }
}

// The definition, quadratic: for every earlier place, how many tokens before it equal the last ones, up to the latest
// breaker.
TEST(Dry, IsTheQuadraticDefinition) {
  const ToyTokenizer tokenizer;
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const Dry::Options options{0.5f, 1.5f, int32_t(random() % 4), int32_t(random() % 3 ? 30 : -1)};
    const bool with_breaker = random() % 2;
    Dry dry(options, with_breaker ? std::vector<std::string>{"|"} : std::vector<std::string>{}, tokenizer);
    std::vector<TokenId> said;
    const size_t length = random() % 60;
    while (said.size() < length) {
      said.push_back(random() % 12 == 0 ? '|' : TokenId('a' + random() % (1 + round % 3)));
      dry.accept(said.back());
    }
    if (options.last_n > 0 && said.size() > size_t(options.last_n))
      said.erase(said.begin(), said.end() - options.last_n);
    const int32_t n = int32_t(said.size());
    int32_t limit = n;
    for (int32_t i = 0; with_breaker && i < n; ++i)
      if (said[n - 1 - i] == '|') {
        limit = i;
        break;
      }
    std::map<TokenId, int32_t> longest;
    for (int32_t place = 1; place < n; ++place) {
      int32_t same = 0;
      while (same < place && said[place - 1 - same] == said[n - 1 - same]) ++same;
      same = std::min(same, limit);
      if (same >= options.allowed_length && n > options.allowed_length && limit >= options.allowed_length)
        longest[said[place]] = std::max(longest[said[place]], same);
    }
    if (with_breaker) longest.erase('|');
    std::vector<float> logits(tokenizer.size(), 0.0f);
    EditedLogits view;
    view.start(logits);
    dry.apply(view);
    for (TokenId token = 0; token < tokenizer.size(); ++token) {
      const float expected =
          longest.contains(token) ? -0.5f * std::pow(1.5f, float(longest[token] - options.allowed_length)) : 0.0f;
      ASSERT_FLOAT_EQ(logits[token], expected) << "token " << token << " round " << round;
    }
  }
}

}  // namespace orrery::text
