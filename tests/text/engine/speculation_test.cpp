// Guessing ahead changes when tokens come, never which.
#include <cmath>
#include <map>

#include "orrery/base/error.h"
#include "orrery/text/engine/lookup.h"
#include "orrery/text/engine/scheduler.h"
#include "tests/text/engine/stories.h"
#include "tests/text/hyena_model.h"

namespace orrery::text {
namespace {

TEST(Lookup, GoesOnAsTheLatestPlaceThatEndsAlike) {
  const auto after = [](std::vector<TokenId> tokens, int64_t most) {
    const size_t size = tokens.size();
    draft_by_lookup(tokens, most);
    return std::vector<TokenId>(tokens.begin() + size, tokens.end());
  };
  using Tokens = std::vector<TokenId>;
  EXPECT_EQ(after({1, 2, 3, 4, 5, 9, 1, 2, 3}, 2), (Tokens{4, 5}));
  EXPECT_EQ(after({1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3}, 1), Tokens{5}) << "the latest";
  EXPECT_EQ(after({7, 1, 2, 3, 4, 8, 1, 2}, 1), Tokens{3}) << "two where three stand nowhere";
  EXPECT_EQ(after({6, 6, 6, 6}, 3), (Tokens{6, 6, 6})) << "into what it appends";
  EXPECT_EQ(after({1, 2, 3, 4}, 3), Tokens{});
  EXPECT_EQ(after({1}, 3), Tokens{});
  EXPECT_EQ(after({}, 3), Tokens{});
}

TEST(Drafts, AreFewerTheMoreAnswerAndNoneInAFullStep) {
  EXPECT_EQ(most_drafts(1), 6);
  EXPECT_EQ(most_drafts(2), 6);
  EXPECT_EQ(most_drafts(4), 3);
  EXPECT_EQ(most_drafts(8), 1);
  for (int64_t answers : {9, 16, 100}) EXPECT_EQ(most_drafts(answers), 0);
}

class SpeculationTest : public EngineTest {
 protected:
  static EngineOptions with_lookup() { return {.threads = 2, .lookup = true}; }
  static EngineOptions with_itself() { return {.threads = 2, .draft = stories()->path().string()}; }
  const std::vector<std::string> prompts_ = {"Once upon a time", "Lily and Tom", long_prompt(40), long_prompt(70), "A"};
};

TEST_F(SpeculationTest, GreedyAnswersAreTheSame) {
  Engine plain(stories(), {.threads = 2});
  for (const EngineOptions& options : {with_lookup(), with_itself()}) {
    Engine guessing(stories(), options);
    int64_t accepted = 0;
    for (const std::string& prompt : prompts_) {
      const Answer expected = answer(plain.submit(request(prompt, 150))),
                   ours = answer(guessing.submit(request(prompt, 150)));
      EXPECT_EQ(ours.tokens, expected.tokens) << prompt;
      EXPECT_EQ(ours.text, expected.text);
      EXPECT_EQ(ours.finish, expected.finish);
      EXPECT_EQ(expected.stats.drafted_tokens, 0);
      EXPECT_LE(ours.stats.accepted_tokens, ours.stats.drafted_tokens);
      accepted += ours.stats.accepted_tokens;
    }
    EXPECT_GT(accepted, 50);
  }
}

TEST_F(SpeculationTest, AModelGuessesItselfRight) {
  Engine guessing(stories(), with_itself());
  const Answer ours = answer(guessing.submit(request("Once upon a time", 100)));
  EXPECT_EQ(ours.tokens.size(), 100u);
  EXPECT_EQ(ours.stats.accepted_tokens, ours.stats.drafted_tokens);
  EXPECT_GE(ours.stats.accepted_tokens, 80) << "six of seven tokens";
}

TEST_F(SpeculationTest, ManyAtOnceAnswerAsWithoutGuesses) {
  for (EngineOptions options : {with_lookup(), with_itself()}) {
    options.max_sequences = 4;
    Engine guessing(stories(), options);
    EngineOptions none{.threads = 2, .max_sequences = 4};
    Engine plain(stories(), none);
    std::vector<Stream> ours, expected;
    for (const std::string& prompt : prompts_) {
      ours.push_back(guessing.submit(request(prompt, 120)));
      expected.push_back(plain.submit(request(prompt, 120)));
    }
    for (size_t i = 0; i < prompts_.size(); ++i)
      EXPECT_EQ(answer(std::move(ours[i])).tokens, answer(std::move(expected[i])).tokens) << prompts_[i];
  }
}

// Penalties, logprobs, stop strings, limits and grammars see each token as it is drawn.
TEST_F(SpeculationTest, EveryOptionOfARequestWorksAsWithoutGuesses) {
  Engine plain(stories(), {.threads = 1});
  std::vector<Request> requests(6, request("Once upon a time there was a dog. The dog", 80));
  requests[0].sampling.repeat_penalty = 1.3f;
  requests[1].stop = {"dog", "Lily"};
  requests[2].max_tokens = 7;
  requests[3].sampling = {.temperature = 0.8f, .seed = 7};
  requests[4].grammar = std::make_shared<Grammar>(
      Grammar::from_gbnf("root ::= (\" the\" | \" dog\" | \" ran\"){1,9}", make_token_trie(stories()->tokenizer())));
  requests[5].ignore_eos = false;
  for (const EngineOptions& options : {with_lookup(), with_itself()}) {
    Engine guessing(stories(), options);
    for (Request& r : requests) {
      r.top_logprobs = 2;
      const auto events = [](Stream stream) {
        std::vector<std::pair<TokenId, float>> all;
        for (StreamEvent event; stream.next(event);)
          if (event.token >= 0) all.emplace_back(event.token, event.logprobs.at(0).logprob);
        return all;
      };
      EXPECT_EQ(events(guessing.submit(r)), events(plain.submit(r)));
      const Answer ours = answer(guessing.submit(r)), expected = answer(plain.submit(r));
      EXPECT_EQ(ours.text, expected.text);
      EXPECT_EQ(ours.finish, expected.finish);
    }
  }
}

TEST_F(SpeculationTest, AnswersEndAtTheContext) {
  for (EngineOptions options : {with_lookup(), with_itself()}) {
    options.context = 64;
    Engine guessing(stories(), options);
    const Request r = request("Once upon a time", -1);
    const Answer full = answer(guessing.submit(r));
    EXPECT_EQ(full.tokens.size() + r.prompt.size(), 64u);
  }
}

// The third token of sampled answers: drawn with guesses and without, from other seeds. The statistic is distributed as
// chi-square (two samples of one size); its 99.99 % point is about mean + 4.5 deviations for these many degrees.
TEST_F(SpeculationTest, SampledTokensHaveTheSameDistribution) {
  constexpr int kAnswers = 3000;
  const auto counts_of = [](const EngineOptions& options, uint64_t first_seed) {
    Engine engine(stories(), options);
    Request r = request("Once upon a time, there was a little girl named Lily. Once upon a time, there was a", 5);
    std::map<TokenId, double> counts;
    int64_t drafted = 0;
    for (int i = 0; i < kAnswers; ++i) {
      r.sampling = {.temperature = 1.0f, .top_k = 0, .top_p = 1.0f, .min_p = 0.0f, .seed = first_seed + i};
      const Answer a = answer(engine.submit(r));
      counts[a.tokens.at(2)] += 1;
      drafted += a.stats.drafted_tokens;
    }
    EXPECT_EQ(drafted > 0, options.lookup || !options.draft.empty());
    return counts;
  };
  const auto plain = counts_of({.threads = 1}, 0);
  for (const EngineOptions& options : {with_lookup(), with_itself()}) {
    auto guessed = counts_of(options, 1'000'000);
    double chi_square = 0, degrees = -1, rare = 0, rare_plain = 0;
    for (TokenId token = 0; token < stories()->spec().vocab_size; ++token) {
      const double a = guessed[token], b = plain.contains(token) ? plain.at(token) : 0;
      if (a + b < 20) {
        rare += a, rare_plain += b;
        continue;
      }
      chi_square += (a - b) * (a - b) / (a + b), degrees += 1;
    }
    if (rare + rare_plain > 0)
      chi_square += (rare - rare_plain) * (rare - rare_plain) / (rare + rare_plain), degrees += 1;
    ASSERT_GT(degrees, 5);
    EXPECT_LT(chi_square, degrees + 4.5 * std::sqrt(2 * degrees));
  }
}

std::string refusal(const std::shared_ptr<const Checkpoint>& checkpoint, const EngineOptions& options) {
  return error_of([&] { Engine(checkpoint, options); });
}

TEST_F(SpeculationTest, OtherVocabulariesAndRecurrentModelsAreRefused) {
  TempFolder folder;
  write_tiny_model(folder.path(), hyena_config());
  const auto hyena = Checkpoint::open(folder.path().string());
  expect_contains(refusal(hyena, {.lookup = true}), {"lookup", "hyena", "attention"});
  expect_contains(refusal(hyena, {.draft = "any"}), {"option draft", "hyena"});
  expect_contains(refusal(stories(), {.draft = folder.path().string()}), {"draft model", "hyena", "attention"});
  TempFolder other;
  write_tiny_model(other.path(), tiny_config());
  std::filesystem::copy(
      std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/golden/text/tokenizer-sp-bpe/tokenizer.model",
      other / "tokenizer.model");
  expect_contains(refusal(stories(), {.draft = other.path().string()}), {"draft model", "token ", "vocabulary"});
}

}  // namespace
}  // namespace orrery::text
