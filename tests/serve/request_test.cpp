// What requests may say: JSON, fields, paths, turns.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/models/model.h"
#include "orrery/serve/router.h"
#include "tests/serve/refusal_of.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

TEST(Body, IsOneJsonObjectInUtf8) {
  EXPECT_EQ(parse_body(R"({"a": [1, "é"]})")["a"][1], "é");
  for (const std::string wrong : {"", "{", "[]", "1", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":\"\xff\"}",
                                  "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":1}}"})
    EXPECT_EQ(refusal_of([&] { parse_body(wrong); }), "400 ") << wrong;
  const std::string deep = "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_EQ(refusal_of([&] { parse_body(deep); }), "400 ");
  std::string wide = "{";
  for (int i = 0; i < 2000; ++i) wide += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  EXPECT_EQ(refusal_of([&] { parse_body(wide + "}"); }), "400 ");
}

std::string refused_chat(const char* more) {
  ordered_json body = {{"messages", {{{"role", "user"}, {"content", "hello"}}}}};
  body.update(ordered_json::parse(more));
  return refusal_of([&] { ChatRequest request(body); });
}

TEST(ChatRequestFields, NameWhatIsWrong) {
  EXPECT_EQ(refused_chat("{}"), "none");
  EXPECT_EQ(refused_chat(R"({"foo": 1})"), "400 foo");
  EXPECT_EQ(refused_chat(R"({"temperature": "hot"})"), "400 temperature");
  EXPECT_EQ(refused_chat(R"({"temperature": -1})"), "400 temperature");
  EXPECT_EQ(refused_chat(R"({"top_p": 1.5})"), "400 top_p");
  EXPECT_EQ(refused_chat(R"({"n": 0})"), "400 n");
  EXPECT_EQ(refused_chat(R"({"n": 2.5})"), "400 n");
  EXPECT_EQ(refused_chat(R"({"max_tokens": 0})"), "400 max_tokens");
  EXPECT_EQ(refused_chat(R"({"top_logprobs": 3})"), "400 top_logprobs");
  EXPECT_EQ(refused_chat(R"({"top_logprobs": 3, "logprobs": true})"), "none");
  EXPECT_EQ(refused_chat(R"({"stream_options": {"include_usage": true}})"), "400 stream_options");
  EXPECT_EQ(refused_chat(R"({"stream": true, "stream_options": {"foo": true}})"), "400 stream_options.foo");
  EXPECT_EQ(refused_chat(R"({"stop": [1]})"), "400 stop");
  EXPECT_EQ(refused_chat(R"({"logit_bias": {"x": 1}})"), "400 logit_bias");
  EXPECT_EQ(refused_chat(R"({"response_format": {"type": "xml"}})"), "400 response_format.type");
  EXPECT_EQ(refused_chat(R"({"response_format": {"type": "json_schema"}})"), "400 response_format.json_schema");
  EXPECT_EQ(refused_chat(R"({"response_format": {"type": "json_object"}, "grammar": "root ::= \"a\""})"),
            "400 response_format");
  EXPECT_EQ(refused_chat(R"({"messages": []})"), "400 messages");
  EXPECT_EQ(refused_chat(R"({"messages": [{"role": "king", "content": ""}]})"), "400 messages[0].role");
  EXPECT_EQ(refused_chat(R"({"messages": [{"role": "user"}]})"), "400 messages[0].content");
  EXPECT_EQ(refused_chat(R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"),
            "400 messages[0].content[0].image_url");
  EXPECT_EQ(refused_chat(R"({"messages": [{"role": "user", "content": "a", "mood": "b"}]})"), "400 messages[0].mood");
  EXPECT_EQ(refused_chat(R"({"tools": [{"type": "function", "function": {"name": "a b"}}]})"),
            "400 tools[0].function.name");
  EXPECT_EQ(refused_chat(R"({"store": true})"), "400 store");
  EXPECT_EQ(refused_chat(R"({"store": false, "user": "u", "metadata": {"a": "b"}})"), "none");
}

TEST(ChatRequestFields, ContentsBecomeText) {
  const ordered_json body = {
      {"messages",
       {{{"role", "developer"}, {"content", "be kind"}},
        {{"role", "user"}, {"content", {{{"type", "text"}, {"text", "a"}}, {{"type", "text"}, {"text", "b"}}}}}}}};
  const ChatRequest request(body);
  EXPECT_EQ(request.messages[0]["role"], "system");
  EXPECT_EQ(request.messages[1]["content"], "a\nb");
}

TEST(RouterPaths, MatchBySegments) {
  Router router;
  std::string seen;
  for (const char* pattern : {"GET /a", "POST /a", "GET /a/{x}", "GET /a/{x}/b/{y}"})
    router.add(pattern, [](const auto&, const auto&) {});
  EXPECT_EQ(router.match("GET", "/a").pattern, "GET /a");
  EXPECT_EQ(router.match("HEAD", "/a").pattern, "GET /a");
  EXPECT_EQ(router.match("POST", "/a").pattern, "POST /a");
  EXPECT_EQ(router.match("DELETE", "/a").handler, nullptr);
  EXPECT_EQ(router.match("DELETE", "/a").methods, (std::vector<std::string>{"GET", "POST"}));
  const auto match = router.match("GET", "/a/1/b/2");
  EXPECT_EQ(match.values.at("x") + match.values.at("y"), "12");
  for (const char* nothing : {"", "a", "/", "/b", "/a/1/c/2", "/a/1/b/2/3"})
    EXPECT_TRUE(router.match("GET", nothing).methods.empty()) << nothing;
}

TEST(TurnstileOrder, TakesTurnsBetweenClients) {
  Turnstile turnstile(1);
  std::string entered;
  const auto enter = [&](char who) { return [&entered, who] { entered += who; }; };
  turnstile.wait("ann", enter('a'));
  for (int i = 0; i < 3; ++i) turnstile.wait("ann", enter('a'));
  const uint64_t ticket = turnstile.wait("bob", enter('b'));
  turnstile.wait("bob", enter('b'));
  turnstile.wait("cat", enter('c'));
  EXPECT_EQ(entered, "a");
  EXPECT_EQ(turnstile.waiting(), 6);
  EXPECT_TRUE(turnstile.cancel(ticket));
  EXPECT_FALSE(turnstile.cancel(ticket));
  for (int i = 0; i < 6; ++i) turnstile.leave();
  EXPECT_EQ(entered, "abcaaa");
  EXPECT_EQ(turnstile.waiting(), 0);
}

}  // namespace
}  // namespace orrery::serve
