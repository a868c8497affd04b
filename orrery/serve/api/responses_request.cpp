#include "orrery/serve/api/responses_request.h"

#include <fmt/format.h>

#include <utility>

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

// Fields that mean the same in a chat completion.
constexpr const char* kShared[] = {"model",
                                   "temperature",
                                   "top_p",
                                   "top_k",
                                   "min_p",
                                   "typical_p",
                                   "top_n_sigma",
                                   "repeat_penalty",
                                   "repetition_penalty",
                                   "repeat_last_n",
                                   "frequency_penalty",
                                   "presence_penalty",
                                   "dry_multiplier",
                                   "dry_base",
                                   "dry_allowed_length",
                                   "dry_penalty_last_n",
                                   "mirostat",
                                   "mirostat_tau",
                                   "mirostat_eta",
                                   "samplers",
                                   "seed",
                                   "stop",
                                   "logit_bias",
                                   "ignore_eos",
                                   "lora",
                                   "chat_template_kwargs",
                                   "parallel_tool_calls",
                                   "service_tier",
                                   "stream",
                                   "store"};

ordered_json or_null(const ordered_json* value) { return value ? *value : ordered_json(); }

// {"type": "function", "name", …}, flat.
ordered_json read_tools(Fields& fields) {
  ordered_json tools = ordered_json::array();
  const ordered_json* list = fields.array("tools");
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    Fields tool((*list)[i], fmt::format("tools[{}]", i));
    const std::string type = tool.text_or_throw("type");
    if (type != "function") tool.refuse("type", "\"" + type + "\"", "function: there are no tools of the server's own");
    ordered_json function = ordered_json::object();
    for (const char* name : {"name", "description", "parameters", "strict"})
      if (const ordered_json* value = tool.any(name)) function[name] = *value;
    tool.finish();
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return tools;
}

ordered_json read_choice(Fields& fields) {
  const ordered_json* choice = fields.any("tool_choice");
  if (choice == nullptr || !choice->is_object()) return or_null(choice);
  Fields inner(*choice, "tool_choice");
  const std::string type = inner.text_or_throw("type");
  if (type != "function") inner.refuse("type", "\"" + type + "\"", "function");
  ordered_json named = {{"type", "function"}, {"function", {{"name", inner.text_or_throw("name")}}}};
  inner.finish();
  return named;
}

ordered_json read_format(Fields& fields) {
  const ordered_json* text = fields.object("text");
  if (text == nullptr) return nullptr;
  Fields inner(*text, "text");
  inner.only("verbosity", "medium", "medium: say it in words");
  const ordered_json* format = inner.object("format");
  inner.finish();
  if (format == nullptr) return nullptr;
  Fields parts(*format, "text.format");
  const std::string type = parts.text_or_throw("type");
  if (type != "json_schema") {
    parts.finish();
    if (type != "text" && type != "json_object")
      parts.refuse("type", "\"" + type + "\"", "text, json_object or json_schema");
    return {{"type", type}};
  }
  ordered_json schema = ordered_json::object();
  for (const char* name : {"name", "description", "strict", "schema"})
    if (const ordered_json* value = parts.any(name)) schema[name] = *value;
  parts.finish();
  return {{"type", type}, {"json_schema", std::move(schema)}};
}

void read_reasoning(Fields& fields, ordered_json& chat) {
  const ordered_json* reasoning = fields.object("reasoning");
  if (reasoning == nullptr) return;
  Fields inner(*reasoning, "reasoning");
  if (const auto effort = inner.text("effort")) chat["reasoning_effort"] = *effort;
  inner.only("summary", "auto", "auto: thoughts come as they are, without a summary");
  inner.only("generate_summary", "auto", "auto");
  inner.finish();
}

std::string text_of(Fields& part) {
  part.ignore({"type", "annotations", "logprobs"});
  std::string text = part.text_or_throw("text");
  part.finish();
  return text;
}

}  // namespace

ResponsesRequest::ResponsesRequest(const ordered_json& body) {
  Fields fields(body);
  ordered_json given = ordered_json::object();
  for (const char* name : kShared)
    if (const ordered_json* value = fields.any(name)) given[name] = *value;
  given["messages"] = read_input(fields);
  const ordered_json tools = read_tools(fields), choice = read_choice(fields), format = read_format(fields);
  if (!tools.empty()) given["tools"] = tools;
  if (!choice.is_null()) given["tool_choice"] = choice;
  if (!format.is_null()) given["response_format"] = format;
  const auto most = fields.integer("max_output_tokens", 1, INT32_MAX);
  if (most) given["max_completion_tokens"] = *most;
  read_reasoning(fields, given);
  if (const ordered_json* options = fields.object("stream_options")) {
    Fields inner(*options, "stream_options");
    inner.ignore({"include_obfuscation"});
    inner.finish();
  }
  for (const std::string& name : fields.texts("include"))
    if (name != "reasoning.encrypted_content")  // thoughts come readable, which serves the same end
      fields.refuse("include", "\"" + name + "\"", "reasoning.encrypted_content, or nothing");
  fields.only("previous_response_id", nullptr, "nothing: responses are not stored; send the whole conversation");
  fields.only("conversation", nullptr, "nothing: conversations are not stored; send the whole conversation");
  fields.only("prompt", nullptr, "nothing: there are no stored prompts");
  fields.only("background", false, "false");
  fields.only("truncation", "disabled", "disabled: nothing is left out of a prompt");
  fields.only("top_logprobs", 0, "0: /v1/chat/completions has log-probabilities");
  fields.only("max_tool_calls", nullptr, "nothing: the server calls no tools itself");
  fields.ignore({"user", "safety_identifier", "metadata", "prompt_cache_key", "prompt_cache_retention"});
  fields.finish();
  try {
    chat = std::make_shared<const ChatRequest>(given);
  } catch (const Refusal& refusal) {
    throw renamed(refusal);
  }
  const auto same = [&](const char* name, ordered_json otherwise = nullptr) {
    const ordered_json* value = fields.any(name);
    echo[name] = value ? *value : std::move(otherwise);
  };
  same("instructions");
  same("max_output_tokens");
  same("metadata", ordered_json::object());
  same("parallel_tool_calls", true);
  same("reasoning", {{"effort", nullptr}, {"summary", nullptr}});
  same("temperature");
  same("text", {{"format", {{"type", "text"}}}});
  same("tool_choice", "auto");
  same("tools", ordered_json::array());
  same("top_p");
  echo["truncation"] = "disabled";
  echo["store"] = false;
  echo["background"] = false;
  echo["previous_response_id"] = nullptr;
}

ordered_json ResponsesRequest::read_input(Fields& fields) {
  ordered_json messages = ordered_json::array();
  if (const auto instructions = fields.text("instructions"); instructions && !instructions->empty())
    add_message({{"role", "system"}, {"content", *instructions}}, "instructions", messages);
  const ordered_json* input = fields.any("input");
  if (input == nullptr) fields.refuse("input", "nothing", "a string or a list of items");
  if (input->is_string()) {
    add_message({{"role", "user"}, {"content", *input}}, "input", messages);
  } else if (input->is_array() && !input->empty()) {
    for (size_t i = 0; i < input->size(); ++i) read_item((*input)[i], fmt::format("input[{}]", i), messages);
  } else {
    fields.refuse("input", "another form", "a string or a list of items");
  }
  if (!thought_.empty())  // with no answer behind it
    add_message({{"role", "assistant"}, {"content", ""}}, "input", messages);
  return messages;
}

// An assistant's message, thoughts and calls are one message of a chat.
void ResponsesRequest::read_item(const ordered_json& item, const std::string& path, ordered_json& messages) {
  Fields fields(item, path);
  const std::string type = fields.text("type").value_or("message");
  fields.ignore({"id", "status"});
  if (type == "message") {
    fields.ignore({"phase"});
    ordered_json message = {{"role", fields.text_or_throw("role")}};
    if (message["role"] == "tool") fields.refuse("role", "\"tool\"", "a function_call_output item");
    if (const ordered_json* content = fields.any("content")) message["content"] = *content;
    fields.finish();
    return add_message(std::move(message), path, messages);
  }
  if (type == "function_call") {
    ordered_json call = {
        {"id", fields.text_or_throw("call_id")},
        {"type", "function"},
        {"function", {{"name", fields.text_or_throw("name")}, {"arguments", fields.text_or_throw("arguments")}}}};
    fields.finish();
    const bool new_answer = messages.empty() || messages.back()["role"] != "assistant" || !thought_.empty();
    if (new_answer) add_message({{"role", "assistant"}, {"content", ""}}, path, messages);
    messages.back()["tool_calls"].push_back(std::move(call));
    return;
  }
  if (type == "function_call_output") {
    ordered_json message = {{"role", "tool"}, {"tool_call_id", fields.text_or_throw("call_id")}};
    const ordered_json* output = fields.any("output");
    if (output == nullptr) fields.refuse("output", "nothing", "a string");
    message["content"] = *output;
    fields.finish();
    return add_message(std::move(message), path, messages);
  }
  if (type != "reasoning")
    fields.refuse("type", "\"" + type + "\"", "message, function_call, function_call_output or reasoning");
  fields.ignore({"summary"});
  fields.only("encrypted_content", nullptr, "nothing: only who wrote it can read it");
  const ordered_json* content = fields.array("content");
  for (size_t i = 0; content != nullptr && i < content->size(); ++i) {
    Fields part((*content)[i], fmt::format("{}.content[{}]", path, i));
    thought_ += text_of(part);
  }
  fields.finish();
}

void ResponsesRequest::add_message(ordered_json message, const std::string& path, ordered_json& messages) {
  if (message["role"] == "assistant" && !thought_.empty())
    message["reasoning_content"] = std::exchange(thought_, std::string());
  messages.push_back(std::move(message));
  sources_.push_back(path);
}

Refusal ResponsesRequest::renamed(const Refusal& refusal) const {
  const auto name = [&](std::string where) {
    constexpr std::string_view kMessages = "messages", kFormat = "response_format";
    if (where.starts_with("messages[")) {
      const size_t end = where.find(']');
      const auto index = std::stoul(where.substr(kMessages.size() + 1));
      if (end != std::string::npos && index < sources_.size()) return sources_[index] + where.substr(end + 1);
    }
    if (where.starts_with(kMessages)) return "input" + where.substr(kMessages.size());
    if (where.starts_with("response_format.json_schema")) return "text.format" + where.substr(27);
    if (where.starts_with(kFormat)) return "text.format" + where.substr(kFormat.size());
    if (where == "max_completion_tokens") return std::string("max_output_tokens");
    if (where == "reasoning_effort") return std::string("reasoning.effort");
    if (where.starts_with("tools[") || where.starts_with("tool_choice"))
      if (const size_t at = where.find(".function"); at != std::string::npos) where.erase(at, 9);
    return where;
  };
  Error::Parts parts = refusal.parts();
  parts.where = name(parts.where);
  Refusal other(refusal.status, name(refusal.param), std::move(parts), refusal.code);
  other.retry_after = refusal.retry_after;
  return other;
}

}  // namespace orrery::serve
