#include "orrery/text/chat/tools/tool_request.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;
using Choice = ToolRequest::Choice;

const Json kTwoTools = Json::parse(R"([{"type": "function", "function": {"name": "f"}},
  {"type": "function", "function": {"name": "g-2", "description": "d", "strict": true, "parameters": {"type": "object"}}}])");

std::string refused_field(const Json& request) {
  try {
    read_tool_request(request);
  } catch (const Error& error) {
    return error.parts().where;
  }
  return "no error";
}

TEST(ToolRequest, ChoosesAsOpenAiDoes) {
  EXPECT_EQ(read_tool_request(Json::object()).choice, Choice::kNone);
  EXPECT_EQ(read_tool_request({{"tools", Json::array()}}).choice, Choice::kNone);
  ToolRequest request = read_tool_request({{"tools", kTwoTools}});
  EXPECT_EQ(request.choice, Choice::kAuto);
  EXPECT_TRUE(request.parallel);
  EXPECT_EQ(request.names(), (std::vector<std::string>{"f", "g-2"}));
  EXPECT_EQ(request.shown(), kTwoTools);
  request = read_tool_request({{"tools", kTwoTools}, {"tool_choice", "none"}, {"parallel_tool_calls", false}});
  EXPECT_EQ(request.choice, Choice::kNone);
  EXPECT_FALSE(request.parallel);
  EXPECT_TRUE(request.shown().is_null());
  EXPECT_EQ(read_tool_request({{"tools", kTwoTools}, {"tool_choice", "auto"}}).choice, Choice::kAuto);
  EXPECT_EQ(read_tool_request({{"tools", kTwoTools}, {"tool_choice", nullptr}}).choice, Choice::kAuto);
  request = read_tool_request({{"tools", kTwoTools}, {"tool_choice", "required"}});
  EXPECT_EQ(request.choice, Choice::kRequired);
  EXPECT_EQ(request.function, "");
  request = read_tool_request(
      {{"tools", kTwoTools}, {"tool_choice", {{"type", "function"}, {"function", {{"name", "g-2"}}}}}});
  EXPECT_EQ(request.choice, Choice::kRequired);
  EXPECT_EQ(request.function, "g-2");
}

TEST(ToolRequest, WhatIsWrongIsNamed) {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json request = {{"tools", kTwoTools}};
    request[Json::json_pointer(pointer)] = value;
    return refused_field(request);
  };
  EXPECT_EQ(with("/tools", "f"), "tools");
  EXPECT_EQ(with("/tools", Json(std::vector<Json>(129, kTwoTools[0]))), "tools");
  EXPECT_EQ(with("/tools/0", "f"), "tools[0]");
  EXPECT_EQ(with("/tools/0/type", "custom"), "tools[0].type");
  EXPECT_EQ(with("/tools/1/function", nullptr), "tools[1].function");
  for (const Json& name : {Json(""), Json(5), Json(), Json("a b"), Json("é"), Json(std::string(65, 'a'))})
    EXPECT_EQ(with("/tools/1/function/name", name), "tools[1].function.name");
  EXPECT_EQ(with("/tools/1/function/name", "f"), "tools[1].function.name");
  EXPECT_EQ(with("/tools/1/function/strict", "yes"), "tools[1].function.strict");
  EXPECT_EQ(with("/tools/1/function/description", 1), "tools[1].function.description");
  EXPECT_EQ(with("/tools/1/function/parameters", "x"), "tools[1].function.parameters");
  EXPECT_EQ(with("/tools/1/function/parameters/type", "array"), "tools[1].function.parameters.type");
  EXPECT_EQ(with("/parallel_tool_calls", 1), "parallel_tool_calls");
  EXPECT_EQ(with("/tool_choice", "any"), "tool_choice");
  EXPECT_EQ(with("/tool_choice", 5), "tool_choice");
  EXPECT_EQ(with("/tool_choice", {{"type", "allowed_tools"}}), "tool_choice.type");
  EXPECT_EQ(with("/tool_choice", {{"type", "function"}}), "tool_choice.function.name");
  EXPECT_EQ(with("/tool_choice", {{"type", "function"}, {"function", {{"name", "h"}}}}), "tool_choice.function.name");
  EXPECT_EQ(refused_field({{"tool_choice", "required"}}), "tool_choice");
  EXPECT_EQ(with("/tools/0/function/name", "\xff"), "tools[0].function.name");
}

}  // namespace
}  // namespace orrery::text
