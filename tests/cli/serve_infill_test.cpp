// orrery serve fills gaps in code: /infill, and /v1/completions with a suffix.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/gap_model.h"
#include "tests/cli/server.h"
#include "tests/serve/client.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;
using serve::ask;

const std::string kBefore = kAbove + "    return";

class ServeInfill : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
    server_.emplace(Words{model_for_gaps(folder_), "--context", "1024"});
  }
  json tokens_of(const std::string& text) {
    return server_->post("/tokenize", {{"content", text}, {"parse_special", false}})["tokens"];
  }
  static json gap(const json& more = json::object()) {
    json body = {{"input_prefix", kBefore},
                 {"input_suffix", kBehind},
                 {"n_predict", 24},
                 {"temperature", 0},
                 {"ignore_eos", true}};
    body.update(more);
    return body;
  }

  TemporaryFolder folder_;
  std::optional<Server> server_;
};

TEST_F(ServeInfill, AsksTheModelInItsOwnMarks) {
  json prompt = {kPrefix};
  for (const json& id : tokens_of(kBefore)) prompt.push_back(id);
  prompt.push_back(kSuffix);
  for (const json& id : tokens_of(kBehind)) prompt.push_back(id);
  prompt.push_back(kMiddle);
  const std::string expected = server_->post(
      "/v1/completions",
      {{"prompt", prompt}, {"max_tokens", 24}, {"temperature", 0}, {"ignore_eos", true}})["choices"][0]["text"];
  ASSERT_FALSE(expected.empty());

  const json answer = server_->post("/infill", gap({{"return_tokens", true}}));
  EXPECT_EQ(answer["content"], expected);
  EXPECT_EQ(answer["stop"], true);
  EXPECT_EQ(answer["tokens_evaluated"], prompt.size());
  EXPECT_EQ(answer["tokens_predicted"], answer["timings"]["predicted_n"]);
  EXPECT_EQ(answer["truncated"], false);
  EXPECT_EQ(answer["tokens"].size(), 24u);

  std::string streamed;
  const auto events = data_of(ask(server_->port(), "POST", "/infill", gap({{"stream", true}}).dump()).body);
  for (const std::string& event : events) streamed += json::parse(event)["content"].get<std::string>();
  EXPECT_EQ(streamed, expected);
  EXPECT_EQ(json::parse(events.back())["stop"], true);
  EXPECT_EQ(json::parse(events.front())["stop"], false);

  const json suffix = {
      {"prompt", kBefore}, {"suffix", kBehind}, {"max_tokens", 24}, {"temperature", 0}, {"ignore_eos", true}};
  EXPECT_EQ(server_->post("/v1/completions", suffix)["choices"][0]["text"], expected);

  // The likeliest token again, by the list of samplers: what is not in it is off.
  const json infill = {{"temperature", 5}, {"samplers", {"top_k", "infill"}}};
  EXPECT_EQ(server_->post("/infill", gap(infill))["content"], expected);
}

TEST_F(ServeInfill, SaysWhyAnAnswerEnds) {
  const json limit = server_->post("/infill", gap({{"n_predict", 3}}));
  EXPECT_EQ(limit["stop_type"], "limit");
  EXPECT_EQ(limit["tokens_predicted"], 3);
  EXPECT_EQ(server_->post("/infill", gap({{"ignore_eos", false}}))["stop_type"], "eos");
  const std::string content = server_->post("/infill", gap())["content"];
  ASSERT_GT(content.size(), 8u);
  const std::string stop = content.substr(4, 3);
  const json word = server_->post("/infill", gap({{"stop", {"never said", stop}}}));
  EXPECT_EQ(word["stop_type"], "word");
  EXPECT_EQ(word["stopping_word"], stop);
  EXPECT_EQ(word["content"], content.substr(0, content.find(stop)));
}

TEST_F(ServeInfill, TakesWhatLlamaVimSends) {
  std::string other;
  for (int i = 0; i < 20; ++i)
    other += "def number_" + std::to_string(i) + "():\n    return " + std::to_string(i) + "\n";
  const json extra = {{{"text", other}, {"time", {1, 2}}, {"filename", "numbers.py"}}};
  // The request that makes the next one fast.
  const json warm = {
      {"id_slot", 0},           {"input_prefix", ""},   {"input_suffix", ""},   {"input_extra", extra},
      {"prompt", ""},           {"n_predict", 0},       {"temperature", 0.0},   {"samplers", json::array()},
      {"stream", false},        {"cache_prompt", true}, {"t_max_prompt_ms", 1}, {"t_max_predict_ms", 1},
      {"response_fields", {""}}};
  EXPECT_EQ(server_->post("/infill", warm), json::object());
  const json asked = {
      {"id_slot", 0},
      {"input_prefix", kBefore + "\n"},
      {"input_suffix", kBehind},
      {"input_extra", extra},
      {"prompt", "    return"},
      {"n_predict", 16},
      {"stop", json::array()},
      {"n_indent", 4},
      {"top_k", 40},
      {"top_p", 0.90},
      {"stream", false},
      {"samplers", {"top_k", "top_p", "infill"}},
      {"cache_prompt", true},
      {"t_max_prompt_ms", 500},
      {"t_max_predict_ms", 1000},
      {"response_fields",
       {"content", "timings/prompt_n", "timings/predicted_per_token_ms", "truncated", "tokens_cached"}}};
  const json answer = server_->post("/infill", asked);
  EXPECT_EQ(answer.size(), 5u) << answer;
  EXPECT_TRUE(answer["content"].is_string());
  EXPECT_GT(answer["tokens_cached"], 64);
  EXPECT_EQ(answer["truncated"], false);
  EXPECT_TRUE(answer["timings/predicted_per_token_ms"].is_number());
}

TEST_F(ServeInfill, CutsLongTextsAndSaysSo) {
  std::string much;
  for (int i = 0; i < 2000; ++i) much += "word ";
  const json answer = server_->post("/infill", gap({{"input_prefix", much}}));
  EXPECT_EQ(answer["truncated"], true);
  EXPECT_LT(answer["tokens_evaluated"], 512);
  // OpenAI's way says no instead.
  EXPECT_EQ(server_->post("/v1/completions", {{"prompt", much}, {"suffix", "x"}}, 400)["error"]["code"],
            "context_length_exceeded");
}

TEST_F(ServeInfill, RefusesModelsWithoutTheTokens) {
  Server plain({*smollm2(), "--context", "512"});
  const json error = plain.post("/infill", gap(), 400)["error"];
  EXPECT_EQ(error["code"], "no_infill_tokens");
  EXPECT_EQ(plain.post("/v1/completions", {{"prompt", "a"}, {"suffix", "b"}}, 400)["error"]["param"], "suffix");
}

}  // namespace
}  // namespace orrery::cli_test
