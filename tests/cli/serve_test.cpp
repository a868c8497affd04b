// orrery serve, with the default model and clients at 127.0.0.1.
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/cli/server.h"
#include "tests/serve/client.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;
using serve::ask;
using serve::Client;
using serve::Reply;

const json kCapital = {{{"role", "user"}, {"content", kQuestion}}};

class Serve : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
  }
  static Server& server() {  // one for most tests
    static Server server({*smollm2(), "--context", "1024"});
    return server;
  }
  static std::string model() { return server().get("/v1/models")["data"][0]["id"]; }
};

TEST_F(Serve, AnswersAConversationAsTheOriginalDoes) {
  const json answer = server().post("/v1/chat/completions", {{"messages", kCapital}, {"temperature", 0}});
  EXPECT_EQ(answer["choices"][0]["message"]["content"], kParis);
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 37);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 8);
  EXPECT_EQ(answer["model"], model());
}

TEST_F(Serve, StreamsTheSameAnswer) {
  const Reply reply = ask(server().port(), "POST", "/v1/chat/completions",
                          json{{"messages", kCapital},
                               {"temperature", 0},
                               {"stream", true},
                               {"n", 2},
                               {"stream_options", {{"include_usage", true}}}}
                              .dump());
  EXPECT_EQ(reply.header("Content-Type").substr(0, 17), "text/event-stream");
  std::string texts[2], finish[2];
  json usage;
  for (const json& event : events_of(reply.body)) {
    if (event["choices"].empty()) usage = event["usage"];
    for (const json& choice : event["choices"]) {
      texts[choice["index"].get<int>()] += choice["delta"].value("content", "");
      if (choice["finish_reason"].is_string()) finish[choice["index"].get<int>()] = choice["finish_reason"];
    }
  }
  for (int i : {0, 1}) {
    EXPECT_EQ(texts[i], kParis);
    EXPECT_EQ(finish[i], "stop");
  }
  EXPECT_EQ(usage["completion_tokens"], 16);
}

TEST_F(Serve, GivesLogProbabilitiesAndHonoursLimitsStopsAndBias) {
  const json base = {{"messages", kCapital}, {"temperature", 0}, {"max_tokens", 4}};
  json body = base;
  body["logprobs"] = true;
  body["top_logprobs"] = 3;
  const json answer = server().post("/v1/chat/completions", body);
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  const json& tokens = answer["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[1]["token"], " capital");
  EXPECT_EQ(tokens[1]["top_logprobs"].size(), 3u);
  EXPECT_EQ(tokens[1]["top_logprobs"][0]["token"], " capital");
  EXPECT_LE(tokens[1]["logprob"].get<double>(), 0);
  body = base;
  body["stop"] = {" of"};
  EXPECT_EQ(server().post("/v1/chat/completions", body)["choices"][0]["message"]["content"], "The capital");
  body = base;
  body["logit_bias"] = {
      {std::to_string(server().post("/tokenize", {{"content", " capital"}})["tokens"][0].get<int>()), -100}};
  const std::string other = server().post("/v1/chat/completions", body)["choices"][0]["message"]["content"];
  EXPECT_EQ(other.find(" capital"), std::string::npos) << other;
}

TEST_F(Serve, FindsASecondPromptsBeginningInTheCache) {
  json messages = kCapital;
  std::string story;
  for (int i = 0; i < 30; ++i) story += "Sentence " + std::to_string(i) + " is here to be remembered. ";
  messages[0]["content"] = story;
  const json body = {{"messages", messages}, {"max_tokens", 2}};
  const int64_t prompt = server().post("/v1/chat/completions", body)["usage"]["prompt_tokens"];
  const int64_t cached = server().post("/v1/chat/completions", body)["usage"]["prompt_tokens_details"]["cached_tokens"];
  EXPECT_GT(cached, prompt - 65);
  EXPECT_LT(cached, prompt);
}

TEST_F(Serve, CallsToolsWhenItMust) {
  const json tools = {{{"type", "function"},
                       {"function",
                        {{"name", "get_weather"},
                         {"parameters",
                          {{"type", "object"},
                           {"properties", {{"city", {{"type", "string"}, {"maxLength", 20}}}}},
                           {"required", {"city"}},
                           {"additionalProperties", false}}}}}}};
  const json body = {{"messages", {{{"role", "user"}, {"content", "What is the weather in Paris?"}}}},
                     {"temperature", 0},
                     {"max_tokens", 100},
                     {"parallel_tool_calls", false},
                     {"tools", tools},
                     {"tool_choice", {{"type", "function"}, {"function", {{"name", "get_weather"}}}}}};
  const json choice = server().post("/v1/chat/completions", body)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  ASSERT_EQ(choice["message"]["tool_calls"].size(), 1u);
  const json& call = choice["message"]["tool_calls"][0];
  EXPECT_EQ(call["function"]["name"], "get_weather");
  EXPECT_TRUE(json::parse(call["function"]["arguments"].get<std::string>())["city"].is_string());
  // The way back.
  json next = body;
  next.erase("tool_choice");
  next["messages"].push_back(choice["message"]);
  next["messages"].push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", "sunny, 21 degrees"}});
  server().post("/v1/chat/completions", next);
  next["messages"].back()["tool_call_id"] = "call_x";
  EXPECT_EQ(server().post("/v1/chat/completions", next, 400)["error"]["param"], "messages[2].tool_call_id");
  json stream = body;
  stream["stream"] = true;
  std::string arguments;
  for (const json& event : events_of(ask(server().port(), "POST", "/v1/chat/completions", stream.dump()).body))
    for (const json& delta : event["choices"][0]["delta"].value("tool_calls", json::array()))
      arguments += delta["function"].value("arguments", "");
  EXPECT_EQ(arguments, call["function"]["arguments"]);
}

TEST_F(Serve, EndsAnAnswerBehindItsFirstCallWhereThereMayBeOne) {
  // A grammar in place of a model that was taught to call tools twice.
  const std::string call = R"(<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>)";
  json body = {{"messages", kCapital},
               {"max_tokens", 200},
               {"tools", {{{"type", "function"}, {"function", {{"name", "now"}}}}}},
               {"grammar", "root ::= \"Look. " + call + call + " Done.\""}};
  json answer = server().post("/v1/chat/completions", body);
  const int64_t both = answer["usage"]["completion_tokens"];
  json choice = answer["choices"][0];
  EXPECT_EQ(choice["message"]["tool_calls"].size(), 2u);
  EXPECT_EQ(choice["message"]["content"], "Look. Done.");
  body["parallel_tool_calls"] = false;
  answer = server().post("/v1/chat/completions", body);
  choice = answer["choices"][0];
  EXPECT_LT(answer["usage"]["completion_tokens"].get<int64_t>(), both - 5);
  EXPECT_EQ(choice["message"]["tool_calls"].size(), 1u);
  EXPECT_EQ(choice["message"]["content"], "Look.");
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  body["stream"] = true;
  std::string finish;
  int64_t calls = 0;
  for (const json& event : events_of(ask(server().port(), "POST", "/v1/chat/completions", body.dump()).body)) {
    const json& one = event["choices"][0];
    for (const json& delta : one["delta"].value("tool_calls", json::array())) calls += delta.contains("id");
    if (one["finish_reason"].is_string()) finish = one["finish_reason"];
  }
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(finish, "tool_calls");
}

TEST_F(Serve, FollowsASchema) {
  const json schema = {{"type", "object"},
                       {"properties",
                        {{"name", {{"type", "string"}, {"maxLength", 12}}},
                         {"age", {{"type", "integer"}, {"minimum", 0}, {"maximum", 150}}}}},
                       {"required", {"name", "age"}},
                       {"additionalProperties", false}};
  const json body = {
      {"messages", {{{"role", "user"}, {"content", "Invent a person."}}}},
      {"max_tokens", 100},
      {"seed", 3},
      {"response_format",
       {{"type", "json_schema"}, {"json_schema", {{"name", "person"}, {"strict", true}, {"schema", schema}}}}}};
  const json person =
      json::parse(server().post("/v1/chat/completions", body)["choices"][0]["message"]["content"].get<std::string>());
  EXPECT_TRUE(person["name"].is_string());
  EXPECT_TRUE(person["age"].is_number_integer());
  json wrong = body;
  wrong["response_format"]["json_schema"]["schema"]["properties"]["age"]["multipleOf"] = 7;
  EXPECT_EQ(server().post("/v1/chat/completions", wrong, 400)["error"]["code"], "invalid_schema");
}

TEST_F(Serve, GoesOnWithTexts) {
  const json body = {{"prompt", {"Once upon a time", "The capital of France is"}},
                     {"max_tokens", 5},
                     {"temperature", 0},
                     {"echo", true}};
  const json answer = server().post("/v1/completions", body);
  ASSERT_EQ(answer["choices"].size(), 2u);
  EXPECT_EQ(answer["choices"][0]["text"].get<std::string>().substr(0, 16), "Once upon a time");
  json stream = body;
  stream["stream"] = true;
  std::string texts[2];
  for (const json& event : events_of(ask(server().port(), "POST", "/v1/completions", stream.dump()).body))
    for (const json& choice : event["choices"]) texts[choice["index"].get<int>()] += choice["text"].get<std::string>();
  for (int i : {0, 1}) EXPECT_EQ(texts[i], answer["choices"][i]["text"]);
}

TEST_F(Serve, ShowsTokensAndTemplates) {
  const json tokens = server().post("/tokenize", {{"content", "Hello, world"}, {"with_pieces", true}})["tokens"];
  json ids = json::array();
  std::string text;
  for (const json& token : tokens) {
    ids.push_back(token["id"]);
    text += token["piece"];
  }
  EXPECT_EQ(text, "Hello, world");
  EXPECT_EQ(server().post("/detokenize", {{"tokens", ids}})["content"], "Hello, world");
  const std::string prompt = server().post("/apply-template", {{"messages", kCapital}})["prompt"];
  EXPECT_NE(prompt.find("<|im_start|>user\nWhat is the capital of France?<|im_end|>"), std::string::npos);
  server().post("/detokenize", {{"tokens", {99999999}}}, 400);
}

TEST_F(Serve, AnswersOllamasClients) {
  const std::string name = model() + ":latest";
  const json answer = server().post(
      "/api/chat", {{"model", name}, {"messages", kCapital}, {"stream", false}, {"options", {{"temperature", 0}}}});
  EXPECT_EQ(answer["message"]["content"], kParis);
  EXPECT_EQ(answer["done"], true);
  EXPECT_EQ(answer["eval_count"], 8);
  const Reply lines = ask(
      server().port(), "POST", "/api/generate",
      json{{"model", name}, {"prompt", "What is the capital of France?"}, {"options", {{"temperature", 0}}}}.dump());
  std::string text;
  size_t at = 0, count = 0;
  json last;
  while (at < lines.body.size()) {
    const size_t end = lines.body.find('\n', at);
    last = json::parse(lines.body.substr(at, end - at));
    text += last["response"].get<std::string>();
    at = end + 1;
    ++count;
  }
  EXPECT_EQ(text, kParis);
  EXPECT_EQ(last["done"], true);
  EXPECT_GT(count, 5u);
  EXPECT_EQ(server().get("/api/tags")["models"][0]["name"], model());
  EXPECT_TRUE(server().post("/api/chat", {{"model", "nobody"}, {"messages", kCapital}}, 404)["error"].is_string());
}

TEST_F(Serve, DescribesItsPaths) {
  const json document = server().get("/openapi.json");
  EXPECT_EQ(document["openapi"], "3.1.0");
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, what] : methods.items()) {
      std::string upper = method == "get" ? "GET" : "POST";
      std::string place = path.substr(0, path.find('{'));
      if (place != path) place += "nobody";
      const Reply reply = ask(server().port(), upper, place, upper == "POST" ? "{}" : "");
      EXPECT_TRUE(what["responses"].contains(std::to_string(reply.status))) << upper << ' ' << path << reply.status;
      EXPECT_EQ(reply.body.find("there is nothing at"), std::string::npos) << reply.body;
    }
}

TEST_F(Serve, SaysWhatIsWrongInOpenAisShape) {
  const auto error = [](const json& body, int status) {
    return server().post("/v1/chat/completions", body, status)["error"];
  };
  EXPECT_EQ(error({{"messages", kCapital}, {"foo", 1}}, 400)["param"], "foo");
  EXPECT_EQ(error({{"messages", kCapital}, {"model", "gpt-9"}}, 404)["code"], "model_not_found");
  std::string much;
  for (int i = 0; i < 2000; ++i) much += "word ";
  const json long_prompt = error({{"messages", {{{"role", "user"}, {"content", much}}}}}, 400);
  EXPECT_EQ(long_prompt["code"], "context_length_exceeded");
  EXPECT_NE(long_prompt["message"].get<std::string>().find("1024"), std::string::npos);
  EXPECT_EQ(error({{"messages", kCapital}, {"lora", "nobody"}}, 400)["type"], "invalid_request_error");
  EXPECT_EQ(json::parse(ask(server().port(), "POST", "/v1/chat/completions", "{").body)["error"]["code"],
            "invalid_json");
  EXPECT_EQ(ask(server().port(), "GET", "/nothing").status, 404);
  const Reply method = ask(server().port(), "DELETE", "/v1/models");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("Allow"), "GET");
  EXPECT_EQ(ask(server().port(), "GET", "/v1/models", "", "Host: evil.example\r\n").status, 400);  // two hosts
}

TEST_F(Serve, StopsWorkingForClientsThatGo) {
  ASSERT_TRUE(wait_until([] { return server().running() == 0; }));
  const std::string body = json{
      {"messages", {{{"role", "user"}, {"content", "Count to one thousand."}}}},
      {"ignore_eos", true},
      {"max_tokens", 900}}.dump();
  json stream = json::parse(body);
  stream["stream"] = true;
  for (const std::string& one : {body, stream.dump()}) {
    Client client(server().port());
    client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                std::to_string(one.size()) + "\r\n\r\n" + one);
    EXPECT_TRUE(wait_until([] { return server().running() == 1; }));
    client.close();
    EXPECT_TRUE(wait_until([] { return server().running() == 0; }));
  }
  EXPECT_NE(server().log().find("\"status\":499"), std::string::npos);
}

TEST_F(Serve, KeepsWhatTheStudioGivesIt) {
  const std::string page = ask(server().port(), "GET", "/").body;
  EXPECT_NE(page.find("<!doctype html>"), std::string::npos);
  const json made = server().post("/api/studio/conversations", {{"title", "A talk"}}, 201);
  const std::string path = "/api/studio/conversations/" + made["id"].get<std::string>();
  EXPECT_EQ(
      ask(server().port(), "PUT", path + "/messages/m1", json{{"role", "user"}, {"content", "Hello there"}}.dump())
          .status,
      200);
  EXPECT_EQ(server().get("/api/studio/conversations?query=hello")["conversations"][0]["id"], made["id"]);
  EXPECT_EQ(server().get(path)["messages"][0]["content"], "Hello there");
  EXPECT_EQ(ask(server().port(), "DELETE", path).status, 204);
  EXPECT_EQ(ask(server().port(), "GET", path).status, 404);
  EXPECT_EQ(server().post("/api/studio/files?name=note.txt", "a text")["text"], "\"a text\"");
  EXPECT_EQ(ask(server().port(), "POST", "/api/studio/files?name=x.bin", std::string(100, '\0')).status, 415);
}

TEST_F(Serve, LetsAnswersEndWhenItIsToldToGo) {
  Server own({*smollm2(), "--context", "1024"});
  ASSERT_TRUE(wait_until([&] { return ask(own.port(), "GET", "/ready").status == 200; }));
  const std::string body =
      json{{"messages", kCapital}, {"ignore_eos", true}, {"max_tokens", 60}, {"stream", true}}.dump();
  Client client(own.port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  client.read_until("content");
  own.tell(SIGTERM);
  EXPECT_NE(client.read_until("[DONE]").find("\"length\""), std::string::npos);
  EXPECT_EQ(own.stop(0), 0);
}

TEST_F(Serve, WantsKeysWhereOthersCanReachIt) {
  const Outcome open = orrery({"serve", *smollm2(), "--address", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_NE(open.err.find("--api-keys"), std::string::npos) << open.err;
  const Outcome made = orrery({"serve", "--make-key", "ann"});
  const std::string key = made.out.substr(6, made.out.find('\n') - 6),
                    line = made.out.substr(made.out.find("line: ") + 6);
  TemporaryFolder folder;
  Server own({*smollm2(), "--context", "512", "--api-keys", folder.file("keys", line)});
  EXPECT_EQ(ask(own.port(), "GET", "/v1/models").status, 401);
  EXPECT_EQ(ask(own.port(), "GET", "/v1/models", "", "Authorization: Bearer " + key + "\r\n").status, 200);
  EXPECT_EQ(own.log().find(key), std::string::npos);
  EXPECT_NE(own.log().find("\"key\":\"ann\""), std::string::npos);
}

TEST_F(Serve, SaysWhyItCannotStart) {
  const auto error_of = [](const Words& words) {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(error_of({"serve", *smollm2(), "--port", std::to_string(server().port())}).find("port"), std::string::npos);
  EXPECT_NE(error_of({"serve", "nobodys-model", "--port", "0"}).find("nobodys-model"), std::string::npos);
  EXPECT_NE(
      error_of({"serve", *smollm2(), "--certificate", "/none", "--private-key", "/none", "--port", "0"}).find("/none"),
      std::string::npos);
}

}  // namespace
}  // namespace orrery::cli_test
