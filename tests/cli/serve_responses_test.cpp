// orrery serve speaks OpenAI's Responses API, and gives embeddings.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "orrery/text/tokenizer/base64.h"
#include "tests/cli/server.h"
#include "tests/serve/client.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;
using serve::ask;

class ServeResponses : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
    server_.emplace(Words{*smollm2(), "--context", "1024"});
  }
  std::vector<json> stream(json body) {
    body["stream"] = true;
    std::vector<json> events;
    for (const std::string& data : data_of(ask(server_->port(), "POST", "/v1/responses", body.dump()).body))
      events.push_back(json::parse(data));
    return events;
  }
  std::optional<Server> server_;
};

const json kWeather = {{{"type", "function"},
                        {"name", "get_weather"},
                        {"parameters",
                         {{"type", "object"},
                          {"properties", {{"city", {{"type", "string"}, {"maxLength", 20}}}}},
                          {"required", {"city"}},
                          {"additionalProperties", false}}}}};

TEST_F(ServeResponses, AnswersTextsAndConversations) {
  const json answer = server_->post("/v1/responses", {{"input", kQuestion}, {"temperature", 0}});
  EXPECT_EQ(answer["object"], "response");
  EXPECT_EQ(answer["status"], "completed");
  ASSERT_EQ(answer["output"].size(), 1u);
  EXPECT_EQ(answer["output"][0]["content"][0]["text"], kParis);
  EXPECT_EQ(answer["usage"]["input_tokens"], 37);
  EXPECT_EQ(answer["usage"]["output_tokens"], 8);
  json next = {{"input", json::array({{{"role", "user"}, {"content", kQuestion}}, answer["output"][0]})},
               {"temperature", 0}};
  next["input"].push_back({{"role", "user"}, {"content", "And of Italy?"}});
  EXPECT_GT(server_->post("/v1/responses", next)["usage"]["input_tokens"], 45);
}

TEST_F(ServeResponses, StreamsTypedEvents) {
  const auto events = stream({{"input", kQuestion}, {"temperature", 0}});
  std::string text;
  std::vector<std::string> types;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["sequence_number"], i);
    const std::string type = events[i]["type"];
    if (type == "response.output_text.delta") text += events[i]["delta"].get<std::string>();
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  EXPECT_EQ(text, kParis);
  EXPECT_EQ(types, (std::vector<std::string>{"response.created", "response.in_progress", "response.output_item.added",
                                             "response.content_part.added", "response.output_text.delta",
                                             "response.output_text.done", "response.content_part.done",
                                             "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events.back()["response"]["output"][0]["content"][0]["text"], kParis);
  EXPECT_EQ(events.back()["response"]["id"], events.front()["response"]["id"]);
}

TEST_F(ServeResponses, SaysThatAnAnswerIsCut) {
  const json body = {{"input", kQuestion}, {"temperature", 0}, {"max_output_tokens", 2}};
  const json answer = server_->post("/v1/responses", body);
  EXPECT_EQ(answer["status"], "incomplete");
  EXPECT_EQ(answer["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(answer["output"][0]["status"], "incomplete");
  EXPECT_EQ(stream(body).back()["type"], "response.incomplete");
}

TEST_F(ServeResponses, CallsFunctions) {
  const json body = {{"input", "What is the weather in Paris?"},
                     {"temperature", 0},
                     {"max_output_tokens", 100},
                     {"parallel_tool_calls", false},
                     {"tools", kWeather},
                     {"tool_choice", {{"type", "function"}, {"name", "get_weather"}}}};
  const json output = server_->post("/v1/responses", body)["output"];
  ASSERT_EQ(output.size(), 1u) << output;
  EXPECT_EQ(output[0]["type"], "function_call");
  EXPECT_EQ(output[0]["name"], "get_weather");
  const std::string arguments = output[0]["arguments"];
  EXPECT_TRUE(json::parse(arguments)["city"].is_string());
  std::string streamed, done;
  for (const json& event : stream(body)) {
    if (event["type"] == "response.function_call_arguments.delta") streamed += event["delta"].get<std::string>();
    if (event["type"] == "response.function_call_arguments.done") done = event["arguments"];
  }
  EXPECT_EQ(streamed, arguments);
  EXPECT_EQ(done, arguments);
  json next = {{"tools", kWeather},
               {"max_output_tokens", 20},
               {"input", json::array({{{"role", "user"}, {"content", "?"}}, output[0]})}};
  next["input"].push_back({{"type", "function_call_output"}, {"call_id", output[0]["call_id"]}, {"output", "sunny"}});
  server_->post("/v1/responses", next);
}

TEST_F(ServeResponses, FollowsSchemasAndRefusesByName) {
  const json schema = {{"type", "object"},
                       {"properties", {{"age", {{"type", "integer"}, {"minimum", 0}, {"maximum", 150}}}}},
                       {"required", {"age"}},
                       {"additionalProperties", false}};
  json body = {
      {"input", "Invent a person."},
      {"max_output_tokens", 50},
      {"text", {{"format", {{"type", "json_schema"}, {"name", "person"}, {"strict", true}, {"schema", schema}}}}}};
  const json answer = server_->post("/v1/responses", body);
  EXPECT_TRUE(json::parse(answer["output"][0]["content"][0]["text"].get<std::string>())["age"].is_number_integer());
  body["text"]["format"]["schema"]["properties"]["age"]["multipleOf"] = 7;
  const json error = server_->post("/v1/responses", body, 400)["error"];
  EXPECT_EQ(error["code"], "invalid_schema");
  EXPECT_EQ(error["param"], "text.format.schema");
  std::string much;
  for (int i = 0; i < 2000; ++i) much += "word ";
  const json longer = server_->post("/v1/responses", {{"input", much}}, 400)["error"];
  EXPECT_EQ(longer["code"], "context_length_exceeded");
  EXPECT_EQ(longer["param"], "input");
}

using ServeEmbeddings = ServeResponses;

TEST_F(ServeEmbeddings, AreUnitVectorsInWhichLikeMeansNear) {
  const json input = {"The cat sleeps on the sofa.", "A kitten is asleep on the couch.",
                      "Interest rates rose in March."};
  const json answer = server_->post("/v1/embeddings", {{"input", input}});
  ASSERT_EQ(answer["data"].size(), 3u);
  std::vector<std::vector<float>> vectors;
  for (const json& one : answer["data"]) vectors.push_back(one["embedding"].get<std::vector<float>>());
  const auto dot = [&](int a, int b) {
    double sum = 0;
    for (size_t i = 0; i < vectors[a].size(); ++i) sum += double(vectors[a][i]) * vectors[b][i];
    return sum;
  };
  EXPECT_EQ(vectors[0].size(), 576u);
  for (int i : {0, 1, 2}) EXPECT_NEAR(dot(i, i), 1, 1e-5);
  EXPECT_GT(dot(0, 1), dot(0, 2));
  EXPECT_EQ(answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]);

  // Tokens are the text; a text alone is what it is among others.
  const json ids = server_->post("/tokenize", {{"content", input[2]}})["tokens"];
  const json again =
      server_->post("/v1/embeddings", {{"input", ids}, {"dimensions", 576}, {"encoding_format", "base64"}});
  EXPECT_EQ(again["usage"]["prompt_tokens"], ids.size());
  const std::string bytes = text::decode_base64(again["data"][0]["embedding"].get<std::string>(), "the answer");
  ASSERT_EQ(bytes.size(), 576u * sizeof(float));
  EXPECT_EQ(std::memcmp(bytes.data(), vectors[2].data(), bytes.size()), 0);
}

TEST_F(ServeEmbeddings, RefuseWhatCannotBe) {
  EXPECT_EQ(server_->post("/v1/embeddings", {{"input", "a"}, {"dimensions", 64}}, 400)["error"]["param"], "dimensions");
  EXPECT_EQ(server_->post("/v1/embeddings", {{"input", {99999999}}}, 400)["error"]["param"], "input");
  std::string much;
  for (int i = 0; i < 2000; ++i) much += "word ";
  EXPECT_EQ(server_->post("/v1/embeddings", {{"input", much}}, 400)["error"]["code"], "context_length_exceeded");
}

}  // namespace
}  // namespace orrery::cli_test
