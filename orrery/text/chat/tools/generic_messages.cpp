#include "orrery/text/chat/tools/generic_messages.h"

#include <nlohmann/json.hpp>
#include <string>

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

std::string instructions(const Json& tools) {
  std::string text = "You can call these tools. Each is described by the JSON schema of its arguments.\n<tools>\n";
  for (const Json& tool : tools)
    text.append((tool.is_object() && tool.contains("function") ? tool["function"] : tool).dump()).append("\n");
  return text +
         "</tools>\nTo call a tool, write this and nothing behind it, with the tool's name and its arguments:\n"
         "<tool_call>\n{\"name\": \"tool_name\", \"arguments\": {}}\n</tool_call>\n"
         "Its result comes back in <tool_response> tags. Where no tool is needed, answer without one.";
}

bool has_role(const Json& message, const char* role) {
  return message.is_object() && message.contains("role") && message["role"] == role;
}

std::string text_of(const Json& message) {
  const Json content = message.contains("content") ? message["content"] : Json();
  if (content.is_string()) return content;
  return content.is_null() ? std::string() : content.dump();
}

// Before what the message says; its content may be a list of parts.
void prepend(Json& message, const std::string& text) {
  Json& content = message["content"];
  if (content.is_array()) {
    content.insert(content.begin(), Json{{"type", "text"}, {"text", text + "\n\n"}});
  } else {
    content = text + "\n\n" + text_of(message);
  }
}

void add_instructions(Json& messages, const std::string& text, bool takes_system) {
  const bool has_system = !messages.empty() && has_role(messages[0], "system");
  if (takes_system && has_system) {
    Json& content = messages[0]["content"];
    if (content.is_array()) {
      content.push_back({{"type", "text"}, {"text", "\n\n" + text}});
    } else {
      content = text_of(messages[0]) + "\n\n" + text;
    }
    return;
  }
  if (!takes_system)
    for (Json& message : messages)
      if (has_role(message, "user")) return prepend(message, text);
  messages.insert(messages.begin(), Json{{"role", takes_system ? "system" : "user"}, {"content", text}});
}

}  // namespace

Json generic_messages(const Json& messages, const Json& tools, bool takes_system) {
  Json out = Json::array();
  bool after_result = false;
  for (const Json& message : messages) {
    Json copy = message;
    const bool is_result = has_role(message, "tool");
    if (is_result) {
      const std::string text = "<tool_response>\n" + text_of(message) + "\n</tool_response>";
      if (after_result) {
        out.back()["content"] = out.back()["content"].get<std::string>() + "\n" + text;
        continue;
      }
      copy = {{"role", "user"}, {"content", text}};
    }
    after_result = is_result;
    out.push_back(std::move(copy));
  }
  if (tools.is_array() && !tools.empty()) add_instructions(out, instructions(tools), takes_system);
  return out;
}

}  // namespace orrery::text
