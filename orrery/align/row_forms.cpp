#include "orrery/align/row_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace orrery::align {

namespace {

Json message(const char* role, std::string content) { return {{"role", role}, {"content", std::move(content)}}; }

std::string string_or_nothing(const Json& row, const char* name) { return has(row, name) ? string_of(row, name) : ""; }

/// Text of a row for a reason: nothing in it acts on a terminal.
std::string quoted(const Json& text) { return text.dump(-1, ' ', /*ensure_ascii=*/true); }

bool calls_tools(const Json& message) {
  return message.contains("tool_calls") && message["tool_calls"].is_array() && !message["tool_calls"].empty();
}

/// ShareGPT's function_call: a string that holds one call or a list of them.
Json tool_call_message(const std::string& text, const std::string& name) {
  Json calls = parse_json(text);
  if (calls.is_object()) calls = Json::array({calls});
  if (!calls.is_array()) throw Bad{name + " is a call that is neither an object nor a list of them"};
  Json list = Json::array();
  for (const Json& call : calls) {
    if (!call.is_object() || !has(call, "name") || !call["name"].is_string())
      throw Bad{name + " is a call without a name"};
    list.push_back({{"type", "function"}, {"function", call}});
  }
  return {{"role", "assistant"}, {"content", ""}, {"tool_calls", list}};
}

Json sharegpt_message(const Json& turn, const std::string& name) {
  static const std::map<std::string, const char*, std::less<>> kRoles = {
      {"human", "user"},        {"user", "user"}, {"gpt", "assistant"},    {"assistant", "assistant"},
      {"system", "system"},     {"tool", "tool"}, {"observation", "tool"}, {"function_response", "tool"},
      {"function_call", "call"}};
  if (!turn["from"].is_string() || !turn.contains("value") || !turn["value"].is_string())
    throw Bad{name + " has no from and value of strings"};
  const auto role = kRoles.find(turn["from"].get<std::string>());
  if (role == kRoles.end())
    throw Bad{fmt::format("{} is from {}, expected human, gpt, system, function_call or observation", name,
                          quoted(turn["from"]))};
  if (role->second != std::string_view("call")) return message(role->second, turn["value"]);
  return tool_call_message(turn["value"], name);
}

Json message_of(const Json& one, const std::string& name) {
  if (one.is_object() && !one.contains("role") && one.contains("from")) return sharegpt_message(one, name);
  if (!one.is_object() || !one.contains("role") || !one["role"].is_string()) throw Bad{name + " has no role"};
  if (!calls_tools(one) && (!one.contains("content") || !(one["content"].is_string() || one["content"].is_array())))
    throw Bad{name + " has no content"};
  return one;
}

Json alpaca_of(const Json& row, bool answered) {
  Json messages = Json::array();
  if (const std::string system = string_or_nothing(row, "system"); !system.empty())
    messages.push_back(message("system", system));
  if (has(row, "history")) {
    const Json& history = row["history"];
    if (!history.is_array()) throw Bad{"history is no list of pairs of strings"};
    for (const Json& turn : history) {
      if (!turn.is_array() || turn.size() != 2 || !turn[0].is_string() || !turn[1].is_string())
        throw Bad{"history is no list of pairs of strings"};
      messages.push_back(message("user", turn[0]));
      messages.push_back(message("assistant", turn[1]));
    }
  }
  const std::string input = string_or_nothing(row, "input");
  messages.push_back(message("user", string_of(row, "instruction") + (input.empty() ? "" : "\n" + input)));
  if (!answered) return messages;
  const std::string output = string_of(row, "output");
  if (output.empty()) throw Bad{"output is empty: nothing to learn"};
  messages.push_back(message("assistant", output));
  return messages;
}

/// A string, or a list of messages; a single message is a list of one.
Json answer_of(const Json& value, const char* name) {
  if (value.is_string()) {
    if (value.get_ref<const std::string&>().empty()) throw Bad{fmt::format("{} is empty: nothing to learn", name)};
    return value;
  }
  if (!value.is_object() && !value.is_array())
    throw Bad{fmt::format("{} is {}, expected a string or messages", name, value.type_name())};
  Json messages = messages_of(value.is_object() ? Json::array({value}) : value, name);
  need_answer(messages, name);
  return messages;
}

/// Where the answers part: TRL's extract_prompt. Something is left of both.
size_t parting(const Json& chosen, const Json& rejected) {
  size_t at = 0;
  while (at + 1 < std::min(chosen.size(), rejected.size()) && chosen[at] == rejected[at]) ++at;
  return at;
}

size_t parting(const std::string& chosen, const std::string& rejected) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
  const size_t shorter = std::min(chosen.size(), rejected.size());
  size_t at = 0;
  while (at < shorter && chosen[at] == rejected[at]) ++at;
  const bool differ = at < shorter;
  if (!differ) --at;
  while (at > 0 && continues(chosen[at])) --at;  // TRL counts in characters
  if (differ && at > 0 && chosen[at - 1] == ' ') --at;
  return at;
}

/// Takes the prompt out of answers that both begin with it.
void split_prompt(Preference& pair) {
  const char* const kNone = "chosen and rejected have no beginning in common that could be the prompt";
  if (pair.chosen.is_string()) {
    const std::string chosen = pair.chosen, rejected = pair.rejected;
    const size_t at = parting(chosen, rejected);
    if (at == 0) throw Bad{kNone};
    pair.prompt = chosen.substr(0, at), pair.chosen = chosen.substr(at), pair.rejected = rejected.substr(at);
    return;
  }
  const auto at = static_cast<std::ptrdiff_t>(parting(pair.chosen, pair.rejected));
  if (at == 0) throw Bad{kNone};
  const auto from = [](const Json& list, std::ptrdiff_t begin, std::ptrdiff_t end) {
    Json part = Json::array();
    for (auto one = list.begin() + begin; one != list.begin() + end; ++one) part.push_back(*one);
    return part;
  };
  pair.prompt = from(pair.chosen, 0, at);
  pair.chosen = from(pair.chosen, at, static_cast<std::ptrdiff_t>(pair.chosen.size()));
  pair.rejected = from(pair.rejected, at, static_cast<std::ptrdiff_t>(pair.rejected.size()));
}

}  // namespace

bool has(const Json& row, const char* name) { return row.contains(name) && !row[name].is_null(); }

const Json& member(const Json& row, const char* name) {
  if (!row.contains(name)) throw Bad{fmt::format("{} is missing", name)};
  return row[name];
}

std::string string_of(const Json& row, const char* name) {
  const Json& value = member(row, name);
  if (!value.is_string()) throw Bad{fmt::format("{} is {}, expected a string", name, value.type_name())};
  return value;
}

Json tools_of(const Json& row) {
  if (!has(row, "tools") || row["tools"] == "") return nullptr;
  Json tools = row["tools"];
  if (tools.is_string()) tools = parse_json(tools.get<std::string>());
  if (!tools.is_array()) throw Bad{"tools is no list"};
  for (Json& tool : tools)
    if (tool.is_object() && !tool.contains("function")) tool = {{"type", "function"}, {"function", tool}};
  return tools;
}

Json messages_of(const Json& list, const std::string& where) {
  if (!list.is_array() || list.empty()) throw Bad{where + " is no list of messages"};
  Json messages = Json::array();
  for (size_t i = 0; i < list.size(); ++i) messages.push_back(message_of(list[i], fmt::format("{}[{}]", where, i)));
  return messages;
}

void need_answer(const Json& messages, const std::string& where) {
  const auto answers = [](const Json& one) {
    return one["role"] == "assistant" && (calls_tools(one) || (one["content"] != "" && !one["content"].empty()));
  };
  if (std::ranges::none_of(messages, answers))
    throw Bad{where + " has nothing that the assistant says: nothing to learn"};
}

bool has_conversation(const Json& row) {
  return has(row, "messages") || has(row, "conversations") || has(row, "instruction");
}

Json conversation_of(const Json& row, bool answered) {
  if (has(row, "messages")) return messages_of(row["messages"], "messages");
  if (!has(row, "conversations")) return alpaca_of(row, answered);
  Json messages = messages_of(row["conversations"], "conversations");
  if (const std::string system = string_or_nothing(row, "system"); !system.empty())
    messages.insert(messages.begin(), message("system", system));
  return messages;
}

void check_answer(const Json& messages, const std::string& name) {
  need_answer(messages, name);
  if (messages[0]["role"] != "assistant")
    throw Bad{fmt::format("{} has another prompt: it goes on with a message of {}", name, quoted(messages[0]["role"]))};
}

Json explicit_prompt(const Json& row) {
  if (has(row, "prompt")) return row["prompt"].is_string() ? row["prompt"] : messages_of(row["prompt"], "prompt");
  return has_conversation(row) ? conversation_of(row, false) : Json();
}

std::pair<Json, Json> prompt_and_completion_of(const Json& row) {
  const Json &prompt = member(row, "prompt"), &completion = member(row, "completion");
  if (prompt.is_string() != completion.is_string())
    throw Bad{"prompt and completion are a string and messages: both have to be of one kind"};
  std::pair<Json, Json> result(explicit_prompt(row), answer_of(completion, "completion"));
  if (result.second.is_array()) check_answer(result.second, "completion");
  return result;
}

std::optional<Json> dialogue_of(const std::string& text) {
  const std::string_view rest(text);
  constexpr std::string_view kHuman = "\n\nHuman:", kAssistant = "\n\nAssistant:";
  const auto speaks = [&](size_t at) -> std::string_view {
    return rest.substr(at).starts_with(kHuman) ? kHuman : rest.substr(at).starts_with(kAssistant) ? kAssistant : "";
  };
  if (speaks(0).empty()) return std::nullopt;
  Json messages = Json::array();
  for (size_t at = 0; at < text.size();) {
    const std::string_view speaker = speaks(at);
    size_t begin = at + speaker.size();
    at = std::min(text.find("\n\n", begin), text.size());
    while (at < text.size() && speaks(at).empty()) at = std::min(text.find("\n\n", at + 1), text.size());
    if (begin < at && text[begin] == ' ') ++begin;
    const char* role = speaker == kHuman ? "user" : "assistant";
    if (messages.empty() || messages.back()["role"] != role)
      messages.push_back(message(role, text.substr(begin, at - begin)));
    else
      messages.back()["content"].get_ref<std::string&>().append("\n\n").append(text, begin, at - begin);
  }
  return messages;
}

bool has_preference(const Json& row) {
  return has(row, "chosen") || has(row, "rejected") || (row.contains("output") && row["output"].is_array());
}

Preference preference_of(const Json& row) {
  if (!has_preference(row)) throw Bad{"neither chosen and rejected nor a list of two outputs is there"};
  Preference pair;
  pair.tools = tools_of(row);
  pair.prompt = explicit_prompt(row);
  if (has(row, "chosen") || has(row, "rejected")) {
    pair.chosen = answer_of(member(row, "chosen"), "chosen");
    pair.rejected = answer_of(member(row, "rejected"), "rejected");
  } else {
    const Json& answers = row["output"];
    if (answers.size() != 2 || !answers[0].is_string() || !answers[1].is_string())
      throw Bad{"output is no list of two strings, the better one first"};
    pair.chosen = answer_of(answers[0], "output[0]");
    pair.rejected = answer_of(answers[1], "output[1]");
  }
  if (pair.chosen.is_string() != pair.rejected.is_string())
    throw Bad{"chosen and rejected are a string and messages: both have to be of one kind"};
  if (pair.chosen == pair.rejected) throw Bad{"chosen and rejected are the same"};
  if (pair.chosen.is_string() && pair.prompt.is_null()) {
    std::optional<Json> chosen = dialogue_of(pair.chosen), rejected = dialogue_of(pair.rejected);
    if (chosen && rejected) pair.chosen = std::move(*chosen), pair.rejected = std::move(*rejected);
  }
  const bool conversation = pair.chosen.is_array();
  if (pair.prompt.is_null() || (pair.prompt.is_string() && conversation)) {  // some repeat it as a string besides
    split_prompt(pair);
  } else if (pair.prompt.is_array() && !conversation) {
    pair.chosen = Json::array({message("assistant", pair.chosen)});
    pair.rejected = Json::array({message("assistant", pair.rejected)});
  }
  if (pair.chosen.is_array()) check_answer(pair.chosen, "chosen"), check_answer(pair.rejected, "rejected");
  if (has(row, "margin")) {
    if (!row["margin"].is_number())
      throw Bad{fmt::format("margin is {}, expected a number", row["margin"].type_name())};
    pair.margin = row["margin"].get<double>();
  }
  return pair;
}

}  // namespace orrery::align
