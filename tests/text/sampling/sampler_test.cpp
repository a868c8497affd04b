#include "orrery/text/sampling/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "orrery/text/sampling/sampler_chain.h"
#include "tests/text/sampling/grammar_helpers.h"

namespace orrery::text {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

SamplingOptions options_from(const nlohmann::json& json) {
  SamplingOptions o;
  const auto set = [&json](const char* name, auto& value) {
    if (json.contains(name)) value = json[name];
  };
  set("temperature", o.temperature);
  set("top_k", o.top_k);
  set("top_p", o.top_p);
  set("min_p", o.min_p);
  set("top_n_sigma", o.top_n_sigma);
  set("typical_p", o.typical_p);
  set("repeat_penalty", o.repeat_penalty);
  set("frequency_penalty", o.frequency_penalty);
  set("presence_penalty", o.presence_penalty);
  set("penalty_last_n", o.penalty_last_n);
  set("dry_multiplier", o.dry_multiplier);
  set("dry_base", o.dry_base);
  set("dry_allowed_length", o.dry_allowed_length);
  set("dry_penalty_last_n", o.dry_penalty_last_n);
  set("dry_sequence_breakers", o.dry_sequence_breakers);
  set("mirostat", o.mirostat);
  set("mirostat_tau", o.mirostat_tau);
  set("mirostat_eta", o.mirostat_eta);
  set("min_keep", o.min_keep);
  for (const auto& entry : json["logit_bias"])
    o.logit_bias.emplace_back(entry[0], entry[1].is_null() ? -kInfinity : entry[1].get<float>());
  return o;
}

std::vector<float> random_logits(size_t n, std::mt19937& random, float scale = 3) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

}  // namespace

// llama.cpp's own samplers, run by tests/text/scripts/make_sampling_fixture.cc.
TEST(SamplerChain, LeavesWhatLlamaCppLeaves) {
  std::ifstream file(std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/sampling/llama_cpp.json");
  const nlohmann::json fixture = nlohmann::json::parse(file);
  const ToyTokenizer tokenizer;
  for (const auto& c : fixture["cases"]) {
    SCOPED_TRACE(c["options"].dump() + " on logits " + c["logits"].dump());
    SamplerChain chain(options_from(c["options"]), tokenizer);
    for (TokenId token : c["history"]) chain.accept(token);
    for (const auto& step : c["steps"]) {
      std::vector<float> logits = fixture["logits"][size_t(c["logits"])];
      const Candidates& candidates = chain.run(logits);
      std::map<TokenId, float> left;
      for (const auto& candidate : candidates.items) left[candidate.id] = candidate.p;
      ASSERT_EQ(left.size(), step["left"].size());
      for (const auto& entry : step["left"]) {
        const TokenId id = entry[0];
        ASSERT_TRUE(left.contains(id)) << id;
        EXPECT_NEAR(left[id], float(entry[1]), 2e-6f * float(entry[1]) + 1e-9f) << id;  // two ways to round a softmax
      }
      const TokenId drawn = step["drawn"];
      chain.drawn(
          *std::find_if(candidates.items.begin(), candidates.items.end(), [&](auto& x) { return x.id == drawn; }));
      chain.accept(drawn);
    }
  }
}

TEST(Candidates, TopKIsTheFrontOfAFullSort) {
  std::mt19937 random(1);
  for (size_t n : {1, 7, 63, 64, 65, 1000, 49152}) {
    std::vector<float> logits = random_logits(n, random);
    for (size_t i = 0; i < n; i += 5) logits[i] = std::round(logits[i]);  // ties
    if (n > 20) logits[3] = -kInfinity, logits[9] = std::nanf("");
    std::vector<TokenId> order;
    for (size_t i = 0; i < n; ++i)
      if (logits[i] > -kInfinity) order.push_back(TokenId(i));
    std::sort(order.begin(), order.end(),
              [&](TokenId a, TokenId b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
    LogitScan scan;
    scan.run(logits);
    EXPECT_EQ(scan.argmax(logits), order.front());
    for (size_t k : {size_t(1), size_t(2), size_t(40), size_t(700), n, n + 1}) {
      Candidates candidates;
      candidates.take_top_k(logits, scan, k, -kInfinity);
      ASSERT_EQ(candidates.items.size(), std::min(k, order.size()));
      for (size_t i = 0; i < candidates.items.size(); ++i) ASSERT_EQ(candidates.items[i].id, order[i]) << n << " " << k;
    }
  }
}

TEST(Candidates, SumExpMatchesDoublePrecision) {
  std::mt19937 random(2);
  for (float scale : {0.1f, 3.0f, 40.0f}) {
    for (size_t n : {1, 5, 16, 1029, 49152}) {
      const std::vector<float> logits = random_logits(n, random, scale);
      const float max = *std::max_element(logits.begin(), logits.end());
      for (float factor : {1.0f, 1.25f}) {
        double expected = 0;
        for (float x : logits) expected += std::exp(double(factor) * (double(x) - max));
        EXPECT_NEAR(sum_exp(logits, max, factor) / expected, 1, 1e-6);
      }
    }
  }
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
  const ToyTokenizer tokenizer;
  std::mt19937 random(3);
  const auto logits = random_logits(tokenizer.size(), random);
  const auto tokens = [&](uint64_t seed) {
    Sampler sampler({.temperature = 1.5f, .seed = seed}, tokenizer);
    std::vector<TokenId> out;
    for (int i = 0; i < 50; ++i) {
      auto copy = logits;
      out.push_back(sampler.sample(copy));
    }
    return out;
  };
  EXPECT_EQ(tokens(1), tokens(1));
  EXPECT_NE(tokens(1), tokens(2));
}

TEST(Sampler, DrawsWithTheProbabilitiesOfTheSoftmax) {
  const ToyTokenizer tokenizer;
  std::vector<float> logits(tokenizer.size(), -kInfinity);
  const std::vector<double> p = {0.5, 0.25, 0.15, 0.1};
  for (size_t i = 0; i < p.size(); ++i) logits[i * 50] = float(std::log(p[i]));
  Sampler sampler({.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 5}, tokenizer);
  std::vector<int> counts(p.size(), 0);
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    auto copy = logits;
    const TokenId token = sampler.sample(copy);
    ASSERT_EQ(token % 50, 0);
    ++counts[token / 50];
  }
  for (size_t i = 0; i < p.size(); ++i)  // four standard deviations of a binomial
    EXPECT_NEAR(counts[i], kDraws * p[i], 4 * std::sqrt(kDraws * p[i] * (1 - p[i])));
}

TEST(Sampler, LogprobsAreOfTheRawLogits) {
  const ToyTokenizer tokenizer;
  std::mt19937 random(4);
  const auto logits = random_logits(tokenizer.size(), random);
  double sum = 0;
  for (float x : logits) sum += std::exp(double(x));
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) { return logits[a] > logits[b]; });
  // A bias that makes an unlikely token certain changes the draw, not what is reported.
  Sampler sampler({.temperature = 0.3f, .repeat_penalty = 1.4f, .logit_bias = {{17, 100.0f}}, .seed = 1}, tokenizer);
  sampler.accept_prompt(std::vector<TokenId>{17, order[0]});
  for (int32_t top : {0, 5}) {
    auto copy = logits;
    std::vector<TokenLogprob> logprobs = {{1, 1}, {2, 2}};
    EXPECT_EQ(sampler.sample(copy, top, &logprobs), 17);
    ASSERT_EQ(logprobs.size(), size_t(top) + 1);
    EXPECT_EQ(logprobs[0].token, 17);
    EXPECT_NEAR(logprobs[0].logprob, logits[17] - std::log(sum), 1e-5);
    for (int32_t i = 0; i < top; ++i) {
      EXPECT_EQ(logprobs[i + 1].token, order[i]);
      EXPECT_NEAR(logprobs[i + 1].logprob, logits[order[i]] - std::log(sum), 1e-5);
    }
  }
}

TEST(Sampler, FollowsItsGrammar) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(5);
  for (float temperature : {0.0f, 2.0f}) {
    auto grammar = std::make_unique<Grammar>(Grammar::from_gbnf("root ::= \"aab\" [0-9]{3} | \"x(\"", trie));
    Sampler sampler({.temperature = temperature, .seed = 9}, tokenizer, std::move(grammar));
    std::vector<TokenId> out;
    while (!sampler.finished()) {
      auto logits = random_logits(tokenizer.size(), random);
      out.push_back(sampler.sample(logits));
    }
    const std::string text = tokenizer.decode(out, false);
    EXPECT_TRUE(text == "x(" || (text.size() == 6 && text.starts_with("aab"))) << text;
  }
}

TEST(Sampler, SaysWhenNothingIsLeft) {
  const ToyTokenizer tokenizer;
  Sampler sampler({}, tokenizer);
  for (float value : {-kInfinity, kInfinity, std::nanf("")}) {
    std::vector<float> logits(tokenizer.size(), value);
    EXPECT_THROW(sampler.sample(logits), Error);
  }
}

TEST(Sampler, RefusesOptionsWithoutMeaning) {
  const ToyTokenizer tokenizer;
  const float nan = std::nanf("");
  const std::vector<std::pair<SamplingOptions, std::string>> cases = {
      {{.temperature = nan}, "temperature"},
      {{.top_p = -0.1f}, "top_p"},
      {{.top_p = 1.1f}, "top_p"},
      {{.min_p = nan}, "min_p"},
      {{.top_n_sigma = nan}, "top_n_sigma"},
      {{.typical_p = 2}, "typical_p"},
      {{.repeat_penalty = 0}, "repeat_penalty"},
      {{.frequency_penalty = kInfinity}, "frequency_penalty"},
      {{.presence_penalty = nan}, "presence_penalty"},
      {{.penalty_last_n = -2}, "penalty_last_n"},
      {{.dry_multiplier = -1}, "dry_multiplier"},
      {{.dry_base = 0.5f}, "dry_base"},
      {{.dry_allowed_length = -1}, "dry_allowed_length"},
      {{.dry_penalty_last_n = -5}, "dry_penalty_last_n"},
      {{.dry_sequence_breakers = {""}}, "dry_sequence_breakers"},
      {{.mirostat = 1}, "mirostat"},
      {{.mirostat_tau = nan}, "mirostat_tau"},
      {{.mirostat_eta = -1}, "mirostat_eta"},
      {{.logit_bias = {{257, 1.0f}}}, "logit_bias"},
      {{.logit_bias = {{1, kInfinity}}}, "logit_bias of token 1"},
      {{.min_keep = -1}, "min_keep"},
  };
  for (const auto& [options, name] : cases) expect_error([&] { Sampler(options, tokenizer); }, name, name);
  Sampler sampler({}, tokenizer);
  EXPECT_THROW(sampler.accept_prompt(std::vector<TokenId>{-1}), Error);
}

// DRY over everything said, with a breaker that tokens hold whole, begin, or end.
TEST(Sampler, DryBreakersAreFoundInsideTokens) {
  const ToyTokenizer tokenizer({"x\n", "y:", ":z"});
  const auto penalised = [&](std::string_view history, const std::vector<std::string>& breakers, TokenId token) {
    SamplingOptions o{
        .temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .dry_multiplier = 1, .dry_penalty_last_n = -1};
    o.dry_sequence_breakers = breakers;
    SamplerChain chain(o, tokenizer);
    for (TokenId id : tokenizer.encode(history)) chain.accept(id);
    std::vector<float> logits(tokenizer.size(), 0.0f);
    chain.run(logits);
    return logits[token] < 0;
  };
  EXPECT_TRUE(penalised("abcd abc", {}, 'd'));
  EXPECT_FALSE(penalised("abxd ab", {"b"}, 'x'));
  EXPECT_FALSE(penalised("ax\nbd ax\nb", {"\n"}, 'd'));  // the breaker lies in the token "x\n": only "b" repeats
  EXPECT_TRUE(penalised("ax\nbcd ax\nbc", {"\n"}, 'd'));
  EXPECT_FALSE(penalised("ay:zbd ay:zb", {":z"}, 'd'));  // begun by "y:", ended by "z"
  EXPECT_TRUE(penalised("ay:zbd ay:zb", {";"}, 'd'));
}

}  // namespace orrery::text
