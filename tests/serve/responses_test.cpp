// What /v1/responses takes, and the conversation that it becomes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/responses_request.h"
#include "tests/serve/refusal_of.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

std::string refused_response(const char* more) {
  ordered_json body = {{"input", "hello"}};
  body.update(ordered_json::parse(more));
  return refused_field([&] { ResponsesRequest{body}; });
}

ordered_json messages_of(const ordered_json& body) { return ResponsesRequest(body).chat->messages; }

TEST(ResponsesFields, NameWhatIsWrong) {
  EXPECT_EQ(refused_response("{}"), "none");
  EXPECT_EQ(refused_response(R"({"foo": 1})"), "foo");
  EXPECT_EQ(refused_response(R"({"store": true})"), "store");
  EXPECT_EQ(refused_response(R"({"store": false})"), "none");
  EXPECT_EQ(refused_response(R"({"previous_response_id": "resp_1"})"), "previous_response_id");
  EXPECT_EQ(refused_response(R"({"conversation": "conv_1"})"), "conversation");
  EXPECT_EQ(refused_response(R"({"background": true})"), "background");
  EXPECT_EQ(refused_response(R"({"truncation": "auto"})"), "truncation");
  EXPECT_EQ(refused_response(R"({"include": ["message.output_text.logprobs"]})"), "include");
  EXPECT_EQ(refused_response(R"({"include": ["reasoning.encrypted_content"]})"), "none");
  EXPECT_EQ(refused_response(R"({"max_output_tokens": 0})"), "max_output_tokens");
  EXPECT_EQ(refused_response(R"({"messages": []})"), "messages");
  EXPECT_EQ(refused_response(R"({"n": 2})"), "n");
  EXPECT_EQ(refused_response(R"({"temperature": "hot"})"), "temperature");
  EXPECT_EQ(refused_response(R"({"input": 3})"), "input");
  EXPECT_EQ(refused_response(R"({"input": []})"), "input");
  EXPECT_EQ(refused_response(R"({"input": null})"), "input");
  EXPECT_EQ(refused_response(R"({"reasoning": {"summary": "detailed"}})"), "reasoning.summary");
  EXPECT_EQ(refused_response(R"({"text": {"verbosity": "low"}})"), "text.verbosity");
  EXPECT_EQ(refused_response(R"({"text": {"format": {"type": "xml"}}})"), "text.format.type");
  EXPECT_EQ(refused_response(R"({"text": {"format": {"type": "json_schema", "name": "x"}}})"), "text.format.schema");
  EXPECT_EQ(refused_response(R"({"text": {"format": {"type": "json_object", "schema": {}}}})"), "text.format.schema");
  EXPECT_EQ(refused_response(R"({"tools": [{"type": "web_search"}]})"), "tools[0].type");
  EXPECT_EQ(refused_response(R"({"tools": [{"type": "function", "name": "a b"}]})"), "tools[0].name");
  EXPECT_EQ(refused_response(R"({"tools": [{"type": "function", "function": {"name": "a"}}]})"), "tools[0].function");
  EXPECT_EQ(refused_response(R"({"tool_choice": {"type": "function", "name": "a"}})"), "tool_choice.name");
  EXPECT_EQ(refused_response(R"({"tool_choice": {"type": "allowed_tools", "name": "a"}})"), "tool_choice.type");
}

TEST(ResponsesFields, NameTheItemThatIsWrong) {
  const auto item = [](const char* json) {
    const std::string more =
        std::string(R"({"instructions": "be kind", "input": [{"role": "user", "content": "a"}, )") + json + "]}";
    return refused_response(more.c_str());
  };
  EXPECT_EQ(item(R"({"role": "user", "content": "b"})"), "none");
  EXPECT_EQ(item(R"({"role": "king", "content": "b"})"), "input[1].role");
  EXPECT_EQ(item(R"({"role": "tool", "content": "b"})"), "input[1].role");
  EXPECT_EQ(item(R"({"role": "user"})"), "input[1].content");
  EXPECT_EQ(item(R"({"role": "user", "content": [{"type": "input_image"}]})"), "input[1].content[0].image_url");
  EXPECT_EQ(item(R"({"role": "user", "content": "b", "mood": 1})"), "input[1].mood");
  EXPECT_EQ(item(R"({"type": "item_reference", "id": "x"})"), "input[1].type");
  EXPECT_EQ(item(R"({"type": "function_call", "name": "f", "arguments": "{}"})"), "input[1].call_id");
  EXPECT_EQ(item(R"({"type": "function_call_output", "call_id": "c"})"), "input[1].output");
  EXPECT_EQ(item(R"({"type": "reasoning", "summary": [], "encrypted_content": "x"})"), "input[1].encrypted_content");
  EXPECT_EQ(item("3"), "input[1]");
}

TEST(ResponsesInput, BecomesAConversation) {
  EXPECT_EQ(messages_of({{"input", "hello"}}), ordered_json::parse(R"([{"role": "user", "content": "hello"}])"));
  const ordered_json body = ordered_json::parse(R"({
    "instructions": "be kind",
    "input": [
      {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
      {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
      {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
       "content": [{"type": "output_text", "text": "let me see", "annotations": []}]},
      {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"x\": 1}"},
      {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "g", "arguments": "{}"},
      {"type": "function_call_output", "call_id": "c1", "output": "one"},
      {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
      {"type": "function_call", "call_id": "c3", "name": "f", "arguments": "{}"}
    ]})");
  EXPECT_EQ(messages_of(body), ordered_json::parse(R"([
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "a\nb"},
    {"role": "assistant", "content": "let me see", "reasoning_content": "hm", "tool_calls": [
      {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
      {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
    {"role": "tool", "content": "one", "tool_call_id": "c1"},
    {"role": "tool", "content": "two", "tool_call_id": "c2"},
    {"role": "assistant", "content": "", "tool_calls": [
      {"id": "c3", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}])"));
}

TEST(ResponsesInput, KeepsToolsFormatsAndLimits) {
  const ResponsesRequest request(ordered_json::parse(R"({
    "input": "hello", "max_output_tokens": 7, "temperature": 0.5,
    "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}],
    "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false})"));
  EXPECT_EQ(request.chat->generation->max_tokens, 7);
  EXPECT_EQ(request.chat->tools.function, "f");
  EXPECT_FALSE(request.chat->tools.parallel);
  EXPECT_EQ(request.chat->tools.tools[0]["function"]["description"], "d");
  EXPECT_EQ(request.echo["tools"][0]["name"], "f");
  EXPECT_EQ(request.echo["temperature"], 0.5);
  EXPECT_EQ(request.echo["top_p"], nullptr);
  const ResponsesRequest schema(ordered_json::parse(R"({
    "input": "hello", "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}})"));
  ASSERT_NE(schema.chat->form.schema, nullptr);
  EXPECT_EQ((*schema.chat->form.schema)["type"], "object");
}

}  // namespace
}  // namespace orrery::serve
