#include "orrery/text/chat/tools/tool_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/text/chat/tools/generic_messages.h"
#include "orrery/text/chat/tools/json_fields.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse_message(std::string where, std::string found, std::string expected) {
  throw Error({.doing = "read a conversation's tool calls",
               .where = std::move(where),
               .found = std::move(found),
               .expected = std::move(expected)});
}

// Nine letters and digits that depend on the id alone.
std::string short_id(const std::string& id) {
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (id.size() == 9 && std::all_of(id.begin(), id.end(), fits)) return id;
  RandomStream letters(0, id);  // the name's hash, drawn out
  std::string out;
  while (out.size() < 9) out += "0123456789abcdefghijklmnopqrstuvwxyz"[letters() % 36];
  return out;
}

Json converted_arguments(const Json& function, const std::string& where, bool as_text) {
  const Json arguments = given(function, "arguments") ? function["arguments"] : Json("");
  Json object = arguments;
  if (arguments.is_string()) {
    const auto& text = arguments.get_ref<const std::string&>();
    object = text.empty() ? Json::object() : Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  if (!object.is_object())
    refuse_message(where + ".arguments",
                   object.is_discarded() ? "text that is no JSON" : std::string("JSON of another type"),
                   "a JSON object, as text");
  if (!as_text) return object;
  return arguments.is_string() && arguments != "" ? arguments : Json(object.dump());
}

class Converter {
 public:
  explicit Converter(const ToolFormat& format) : format_(format) {}

  Json message(const Json& message, const std::string& where) {
    Json out = message;
    if (!message.is_object()) return out;  // Chat::prompt() refuses it
    const bool has_calls = given(message, "tool_calls");
    if (has_calls && !message["tool_calls"].is_array())
      refuse_message(where + ".tool_calls", "no list", "a list of calls");
    if (!has_calls || message["tool_calls"].empty()) {
      out.erase("tool_calls");
    } else {
      for (size_t i = 0; i < message["tool_calls"].size(); ++i)
        convert(out["tool_calls"][i], fmt::format("{}.tool_calls[{}]", where, i));
      if (!given(message, "content")) out["content"] = "";
      if (!out["content"].is_string() && !out["content"].is_array())
        refuse_message(where + ".content", std::string("a value of type ") + out["content"].type_name(),
                       "text, or a list");
      if (!format_.template_writes_calls) write_calls(out);
    }
    if (given(message, "tool_call_id") && message["tool_call_id"].is_string()) result(out, where);
    return out;
  }

 private:
  void convert(Json& call, const std::string& where) {
    if (!call.is_object() || !given(call, "function") || !call["function"].is_object())
      refuse_message(where + ".function", "no object", "the function's name and arguments");
    Json& function = call["function"];
    if (!given(function, "name") || !function["name"].is_string())
      refuse_message(where + ".function.name", "no text", "the function's name");
    function["arguments"] = converted_arguments(function, where + ".function", format_.arguments_as_text);
    if (!given(call, "id") || !call["id"].is_string()) return;
    const std::string id = call["id"];
    name_of_[id] = function["name"];
    if (format_.short_ids) call["id"] = short_id(id);
  }

  // Behind what the message says; its content may be a list of parts.
  void write_calls(Json& message) const {
    std::string text = text_of_calls(format_, message["tool_calls"]);
    Json& content = message["content"];
    if (content.is_array()) {
      content.push_back({{"type", "text"}, {"text", std::move(text)}});
    } else {
      if (content != "") text.insert(0, content.get<std::string>() + "\n");
      content = std::move(text);
    }
    message.erase("tool_calls");
  }

  void result(Json& message, const std::string& where) {
    const std::string id = message["tool_call_id"];
    const auto call = name_of_.find(id);
    if (call == name_of_.end())
      refuse_message(where + ".tool_call_id",
                     Json(id).dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80),
                     "the id of a call before it");
    if (!given(message, "name")) message["name"] = call->second;
    if (format_.short_ids) message["tool_call_id"] = short_id(id);
  }

  const ToolFormat& format_;
  std::map<std::string, std::string> name_of_;  // by the call's id
};

}  // namespace

TemplateInput tool_messages(const Json& messages, const Json& tools, const ToolFormat& format, bool takes_system) {
  if (!messages.is_array()) return {messages, tools};  // Chat::prompt() refuses them
  Json out = Json::array();
  Converter converter(format);
  for (size_t i = 0; i < messages.size(); ++i)
    out.push_back(converter.message(messages[i], fmt::format("messages[{}]", i)));
  if (format.template_lists_tools) return {std::move(out), tools};
  return {generic_messages(out, tools, takes_system), nullptr};
}

bool takes_system_messages(const Chat& chat) {
  const char* const said = "are-you-there";
  try {
    return chat.prompt(Json::parse(
                           R"([{"role": "system", "content": "are-you-there"}, {"role": "user", "content": "Hi"}])"))
               .find(said) != std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace orrery::text
