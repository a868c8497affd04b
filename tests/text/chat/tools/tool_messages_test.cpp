#include "orrery/text/chat/tools/tool_messages.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "orrery/base/error.h"
#include "tests/text/chat/tools/answers.h"
#include "tests/text/chat/tools/tool_templates.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

// As a client sends an earlier answer back.
const Json kMessages = Json::parse(R"([
  {"role": "user", "content": "Rain?"},
  {"role": "assistant", "content": null, "tool_calls": [{"id": "call_0123456789abcdefghijklmn", "type": "function",
    "function": {"name": "get_weather", "arguments": "{\"city\": \"Oslo\", \"days\": 2}"}}]},
  {"role": "tool", "tool_call_id": "call_0123456789abcdefghijklmn", "content": "{\"rain\": true}"}])");
const Json kTools = Json::parse(R"([{"type": "function", "function": {"name": "get_weather", "description": "d",
  "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])");

std::string where_of(const Json& messages) {
  try {
    tool_messages(messages, kTools, format_named("hermes"));
  } catch (const Error& error) {
    return error.parts().where;
  }
  return "no error";
}

TEST(ToolMessages, ArgumentsBecomeObjects) {
  const auto [messages, tools] = tool_messages(kMessages, kTools, format_named("hermes"));
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], Json::parse(R"({"city": "Oslo", "days": 2})"));
  EXPECT_EQ(messages[1]["content"], "");
  EXPECT_EQ(messages[2]["name"], "get_weather");
  EXPECT_EQ(messages[2]["tool_call_id"], kMessages[2]["tool_call_id"]);
  EXPECT_EQ(tools, kTools);
  EXPECT_EQ(messages[0], kMessages[0]);
  // What is an object already stays one, and so do a name and content that are there.
  Json again = messages;
  again[1]["content"] = "I look.";
  again[2]["name"] = "other";
  EXPECT_EQ(tool_messages(again, kTools, format_named("hermes")).messages, again);
}

TEST(ToolMessages, EveryTemplateTakesThem) {
  for (const auto& [name, source] : tool_templates()) {
    const ToyTokenizer tokenizer = tokenizer_with_template(source);
    const ToolFormat format = find_tool_format(tokenizer);
    const auto [messages, tools] = tool_messages(kMessages, kTools, format);
    const std::string prompt = Chat(tokenizer).prompt(messages, tools, true, nullptr);
    // JSON, not JSON within a string, nor Python's way to write a dict.
    std::string squeezed;
    for (char c : prompt)
      if (!is_json_space(c)) squeezed += c;
    EXPECT_NE(squeezed.find(R"({"city":"Oslo","days":2})"), std::string::npos) << name << ": " << prompt;
    EXPECT_NE(prompt.find("rain"), std::string::npos) << name << ": " << prompt;
  }
}

TEST(ToolMessages, TemplatesThatWantTextGetText) {
  const ToolFormat format = format_named("functionary v3.2");
  auto messages = tool_messages(kMessages, kTools, format).messages;
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], "{\"city\": \"Oslo\", \"days\": 2}");
  messages[1]["tool_calls"][0]["function"]["arguments"] = {{"a", 1}};
  messages = tool_messages(messages, kTools, format).messages;
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  messages[1]["tool_calls"][0]["function"]["arguments"] = "";
  messages = tool_messages(messages, kTools, format).messages;
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"], "{}");
}

TEST(ToolMessages, IdsBecomeShortWhereTheTemplateDemandsIt) {
  const auto messages = tool_messages(kMessages, kTools, format_named("mistral")).messages;
  const std::string id = messages[1]["tool_calls"][0]["id"];
  EXPECT_EQ(id.size(), 9u);
  EXPECT_EQ(messages[2]["tool_call_id"], id);
  EXPECT_EQ(tool_messages(messages, kTools, format_named("mistral")).messages, messages);
  Json other = kMessages;
  other[1]["tool_calls"][0]["id"] = other[2]["tool_call_id"] = "call_x";
  EXPECT_NE(tool_messages(other, kTools, format_named("mistral")).messages[1]["tool_calls"][0]["id"], id);
}

TEST(ToolMessages, WhatIsMalformedIsNamed) {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json messages = kMessages;
    messages[Json::json_pointer(pointer)] = value;
    return messages;
  };
  const std::string call = "messages[1].tool_calls[0]";
  for (const char* arguments : {"{\"a\":", "5", "[1]", "{}{}"})
    EXPECT_EQ(where_of(with("/1/tool_calls/0/function/arguments", arguments)), call + ".function.arguments");
  EXPECT_EQ(where_of(with("/1/tool_calls/0/function/arguments", Json::array())), call + ".function.arguments");
  EXPECT_EQ(where_of(with("/1/tool_calls/0/function/name", 5)), call + ".function.name");
  EXPECT_EQ(where_of(with("/1/tool_calls/0/function", "f")), call + ".function");
  EXPECT_EQ(where_of(with("/1/tool_calls/0", "f")), call + ".function");
  EXPECT_EQ(where_of(with("/1/tool_calls", "f")), "messages[1].tool_calls");
  EXPECT_EQ(where_of(with("/1/content", 5)), "messages[1].content");
  EXPECT_EQ(where_of(with("/2/tool_call_id", "call_x")), "messages[2].tool_call_id");
  EXPECT_EQ(where_of({kMessages[0], kMessages[2], kMessages[1]}), "messages[1].tool_call_id");  // before its call
  EXPECT_EQ(where_of(kMessages), "no error");
  Json no_calls = with("/1/tool_calls", Json::array());
  no_calls.erase(2);
  EXPECT_FALSE(tool_messages(no_calls, kTools, format_named("hermes")).messages[1].contains("tool_calls"));
}

TEST(ToolMessages, AGenericModelIsToldInMessages) {
  Json given = kMessages;
  given.push_back(given[2]);
  auto [messages, tools] = tool_messages(given, kTools, format_named("generic"));
  EXPECT_TRUE(tools.is_null());
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_NE(messages[0]["content"].get<std::string>().find(kTools[0]["function"].dump()), std::string::npos);
  EXPECT_EQ(messages[1], kMessages[0]);
  EXPECT_EQ(messages[2]["content"],
            "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Oslo\",\"days\":2}}\n</tool_call>");
  EXPECT_FALSE(messages[2].contains("tool_calls"));
  EXPECT_EQ(messages[3]["role"], "user");
  EXPECT_EQ(messages[3]["content"],
            "<tool_response>\n{\"rain\": true}\n</tool_response>\n<tool_response>\n{\"rain\": true}\n</tool_response>");
  // What the model is told to write is what the parser reads.
  const Reader reader{.format = format_named("generic")};
  EXPECT_EQ(reader.read(messages[2]["content"].get_ref<const std::string&>()).calls.size(), 1u);

  given.insert(given.begin(), Json{{"role", "system"}, {"content", "Be brief."}});
  messages = tool_messages(given, kTools, format_named("generic")).messages;
  EXPECT_EQ(messages.size(), 4u);
  EXPECT_TRUE(messages[0]["content"].get<std::string>().starts_with("Be brief.\n\nYou can call"));
  given.erase(0);
  messages = tool_messages(given, kTools, format_named("generic"), /*takes_system=*/false).messages;
  EXPECT_EQ(messages.size(), 3u);
  EXPECT_TRUE(messages[0]["content"].get<std::string>().ends_with("\n\nRain?"));
  EXPECT_EQ(tool_messages(given, nullptr, format_named("generic")).messages[0], given[0]);
}

TEST(ToolMessages, CallsThatATemplateLeavesOutBecomeText) {
  const std::string source = R"({%- for tool in tools or [] %}{{ tool | tojson }}{% endfor %}
{#- <|tool_call|> #}{%- for m in messages %}{{ '<|R|>' + m.role + '<|/R|>' + m.content + '<|E|>' }}{%- endfor %})";
  const ToolFormat format = find_tool_format(tokenizer_with_template(source));
  EXPECT_EQ(format.name, "granite 3");
  EXPECT_FALSE(format.template_writes_calls);
  for (const auto& [name, template_source] : tool_templates())
    EXPECT_TRUE(format_named(name).template_writes_calls) << name;
  Json given = kMessages;
  given[1]["content"] = "I look.";
  const auto [messages, tools] = tool_messages(given, kTools, format);
  EXPECT_EQ(messages[1]["content"],
            "I look.\n<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": {\"city\":\"Oslo\",\"days\":2}}]");
  EXPECT_EQ(tools, kTools);
  EXPECT_EQ(messages[2]["role"], "tool");
}

TEST(ToolMessages, TextOfCallsIsReadBack) {
  for (const auto& [name, source] : tool_templates()) {
    const ToolFormat format = format_named(name);
    auto messages = tool_messages(kMessages, kTools, format).messages;
    Json& calls = messages[1]["tool_calls"];
    calls.push_back(calls[0]);
    const Reader reader{.format = format};
    const Answer answer = reader.read(std::string_view(text_of_calls(format, calls)));
    ASSERT_EQ(answer.calls.size(), 2u) << name << ": " << answer;
    EXPECT_EQ(answer.content, "");
    EXPECT_EQ(Json::parse(answer.calls[1].arguments), Json::parse(R"({"city": "Oslo", "days": 2})"));
  }
}

TEST(ToolMessages, TemplatesTellWhetherTheyTakeSystemMessages) {
  const auto takes = [](const char* source) { return takes_system_messages(Chat(ToyTokenizer(), source)); };
  EXPECT_TRUE(takes("{% for m in messages %}{{ m.content }}{% endfor %}"));
  EXPECT_FALSE(takes("{% for m in messages %}{{ m.content if m.role == 'user' }}{% endfor %}"));
  EXPECT_FALSE(takes("{{ raise_exception('no') if messages[0].role == 'system' }}"));
}

}  // namespace
}  // namespace orrery::text
