#include "orrery/text/chat/tools/tool_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/text/chat/tools/json_fields.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxTools = 128, kMaxName = 64;

[[noreturn]] void refuse_request(std::string where, std::string found, std::string expected = {}) {
  throw Error({.doing = "read a request's tools",
               .where = std::move(where),
               .found = std::move(found),
               .expected = std::move(expected)});
}

std::string shown_value(const Json& value) { return value.dump(-1, ' ', true, Json::error_handler_t::replace); }

bool is_function_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), fits);
}

void check_function(const Json& tool, const std::string& where) {
  if (!tool.is_object()) refuse_request(where, std::string("a value of type ") + tool.type_name(), "an object");
  if (!given(tool, "type") || tool["type"] != "function")
    refuse_request(where + ".type", given(tool, "type") ? shown_value(tool["type"]) : "nothing", "\"function\"");
  if (!given(tool, "function") || !tool["function"].is_object())
    refuse_request(where + ".function", "no object", "a function with its name and parameters");
  const Json& function = tool["function"];
  if (!given(function, "name") || !function["name"].is_string() ||
      !is_function_name(function["name"].get_ref<const std::string&>()))
    refuse_request(where + ".function.name", given(function, "name") ? shown_value(function["name"]) : "nothing",
                   "1 to 64 letters, digits, _ and -");
  if (given(function, "description") && !function["description"].is_string())
    refuse_request(where + ".function.description", "no string");
  if (given(function, "strict") && !function["strict"].is_boolean())
    refuse_request(where + ".function.strict", "no boolean", "true or false");
  if (!given(function, "parameters")) return;
  const Json& parameters = function["parameters"];
  if (!parameters.is_object()) refuse_request(where + ".function.parameters", "no object", "a JSON schema");
  if (given(parameters, "type") && parameters["type"] != "object")
    refuse_request(where + ".function.parameters.type", shown_value(parameters["type"]), "\"object\"");
}

void read_choice(const Json& choice, ToolRequest& request) {
  const auto names = request.names();
  if (choice.is_string()) {
    if (choice == "none") {
      request.choice = ToolRequest::Choice::kNone;
    } else if (choice == "required") {
      if (names.empty()) refuse_request("tool_choice", "\"required\", and no tools", "tools beside it");
      request.choice = ToolRequest::Choice::kRequired;
    } else if (choice != "auto") {
      refuse_request("tool_choice", shown_value(choice), "\"none\", \"auto\", \"required\" or a function");
    }
    return;
  }
  if (!choice.is_object() || !given(choice, "type") || choice["type"] != "function")
    refuse_request(choice.is_object() ? "tool_choice.type" : "tool_choice",
                   choice.is_object() && given(choice, "type") ? shown_value(choice["type"]) : "no function",
                   "\"none\", \"auto\", \"required\" or {\"type\": \"function\", \"function\": {\"name\": …}}");
  const Json name =
      given(choice, "function") && choice["function"].is_object() ? choice["function"].value("name", Json()) : Json();
  if (!name.is_string() || std::find(names.begin(), names.end(), name.get_ref<const std::string&>()) == names.end())
    refuse_request("tool_choice.function.name", name.is_null() ? "nothing" : shown_value(name),
                   "the name of one of the tools");
  request.choice = ToolRequest::Choice::kRequired;
  request.function = name;
}

}  // namespace

std::vector<std::string> ToolRequest::names() const {
  std::vector<std::string> names;
  for (const Json& tool : tools) names.push_back(tool["function"]["name"]);
  return names;
}

Json ToolRequest::shown() const { return choice == Choice::kNone ? Json() : tools; }

ToolRequest read_tool_request(const Json& request) {
  ToolRequest out;
  if (given(request, "tools")) {
    const Json& tools = request["tools"];
    if (!tools.is_array()) refuse_request("tools", "no list", "a list of functions");
    if (tools.size() > kMaxTools) refuse_request("tools", fmt::format("{} tools", tools.size()), "128 at most");
    std::vector<std::string> names;
    for (size_t i = 0; i < tools.size(); ++i) {
      check_function(tools[i], fmt::format("tools[{}]", i));
      const std::string name = tools[i]["function"]["name"];
      if (std::find(names.begin(), names.end(), name) != names.end())
        refuse_request(fmt::format("tools[{}].function.name", i), "\"" + name + "\" a second time", "another name");
      names.push_back(name);
    }
    out.tools = tools;
    if (!names.empty()) out.choice = ToolRequest::Choice::kAuto;
  }
  if (given(request, "parallel_tool_calls")) {
    if (!request["parallel_tool_calls"].is_boolean())
      refuse_request("parallel_tool_calls", "no boolean", "true or false");
    out.parallel = request["parallel_tool_calls"];
  }
  if (given(request, "tool_choice")) read_choice(request["tool_choice"], out);
  return out;
}

}  // namespace orrery::text
