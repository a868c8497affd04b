#include "orrery/align/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::align {

namespace {
using Json = nlohmann::ordered_json;

/// Why a row is no record; becomes its reason.
struct Bad {
  std::string reason;
};

const Json& member(const Json& row, const char* name) {
  if (!row.contains(name)) throw Bad{fmt::format("{} is missing", name)};
  return row[name];
}

std::string string_of(const Json& row, const char* name) {
  const Json& value = member(row, name);
  if (!value.is_string()) throw Bad{fmt::format("{} is {}, expected a string", name, value.type_name())};
  return value;
}
std::string string_or_nothing(const Json& row, const char* name) {
  return row.contains(name) && !row[name].is_null() ? string_of(row, name) : "";
}

Json message(const char* role, std::string content) { return {{"role", role}, {"content", std::move(content)}}; }

/// Messages in OpenAI's form, the last of them the assistant's where `answered`.
Json checked_messages(const Json& messages, const char* where, bool answered) {
  if (!messages.is_array() || messages.empty()) throw Bad{fmt::format("{} is no list of messages", where)};
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& one = messages[i];
    const std::string name = fmt::format("{}[{}]", where, i);
    if (!one.is_object() || !one.contains("role") || !one["role"].is_string()) throw Bad{name + " has no role"};
    const bool calls = one.contains("tool_calls") && one["tool_calls"].is_array() && !one["tool_calls"].empty();
    if (!calls && (!one.contains("content") || !(one["content"].is_string() || one["content"].is_array())))
      throw Bad{name + " has no content"};
  }
  if (answered && std::ranges::none_of(messages, [](const Json& one) { return one["role"] == "assistant"; }))
    throw Bad{fmt::format("{} has no message of the assistant: nothing to learn", where)};
  return messages;
}

/// A list, or a string that holds one, as some data sets keep it.
Json tools_of(const Json& row) {
  if (!row.contains("tools") || row["tools"].is_null() || row["tools"] == "") return nullptr;
  Json tools = row["tools"];
  if (tools.is_string()) tools = Json::parse(tools.get<std::string>(), nullptr, false);
  if (!tools.is_array()) throw Bad{"tools is no list"};
  for (Json& tool : tools)
    if (tool.is_object() && !tool.contains("function")) tool = {{"type", "function"}, {"function", tool}};
  return tools;
}

void read_prompt_completion(const Json& row, Record& record) {
  const Json &prompt = member(row, "prompt"), &completion = member(row, "completion");
  if (prompt.is_string() != completion.is_string())
    throw Bad{"prompt and completion are a string and a list: both have to be of one kind"};
  if (prompt.is_string()) {
    record.text = prompt, record.completion = completion;
    if (record.completion.empty()) throw Bad{"completion is empty: nothing to learn"};
    return;
  }
  record.messages = checked_messages(prompt, "prompt", false);
  for (const Json& one : checked_messages(completion, "completion", true)) record.messages.push_back(one);
}

void read_alpaca(const Json& row, Record& record) {
  record.messages = Json::array();
  if (const std::string system = string_or_nothing(row, "system"); !system.empty())
    record.messages.push_back(message("system", system));
  if (row.contains("history") && row["history"].is_array()) {
    for (const Json& turn : row["history"]) {
      if (!turn.is_array() || turn.size() != 2 || !turn[0].is_string() || !turn[1].is_string())
        throw Bad{"history is no list of pairs of strings"};
      record.messages.push_back(message("user", turn[0]));
      record.messages.push_back(message("assistant", turn[1]));
    }
  }
  const std::string input = string_or_nothing(row, "input"), output = string_of(row, "output");
  if (output.empty()) throw Bad{"output is empty: nothing to learn"};
  record.messages.push_back(message("user", string_of(row, "instruction") + (input.empty() ? "" : "\n" + input)));
  record.messages.push_back(message("assistant", output));
}

Json sharegpt_message(const Json& turn, size_t i) {
  static const std::map<std::string, const char*, std::less<>> kRoles = {
      {"human", "user"},        {"user", "user"}, {"gpt", "assistant"},    {"assistant", "assistant"},
      {"system", "system"},     {"tool", "tool"}, {"observation", "tool"}, {"function_response", "tool"},
      {"function_call", "call"}};
  if (!turn.is_object() || !turn.contains("from") || !turn["from"].is_string() || !turn.contains("value") ||
      !turn["value"].is_string())
    throw Bad{fmt::format("conversations[{}] has no from and value of strings", i)};
  const auto role = kRoles.find(turn["from"].get<std::string>());
  if (role == kRoles.end())
    throw Bad{fmt::format("conversations[{}] is from {}, expected human, gpt, system, function_call or observation", i,
                          turn["from"].dump())};
  if (role->second != std::string_view("call")) return message(role->second, turn["value"]);
  Json calls = Json::parse(turn["value"].get<std::string>(), nullptr, false);
  if (calls.is_object()) calls = Json::array({calls});
  if (!calls.is_array()) throw Bad{fmt::format("conversations[{}] is a call that is no JSON", i)};
  Json list = Json::array();
  for (const Json& call : calls) {
    if (!call.is_object() || !call.contains("name"))
      throw Bad{fmt::format("conversations[{}] is a call without a name", i)};
    list.push_back({{"type", "function"}, {"function", call}});
  }
  return {{"role", "assistant"}, {"content", ""}, {"tool_calls", list}};
}

void read_sharegpt(const Json& row, Record& record) {
  const Json& turns = row["conversations"];
  if (!turns.is_array() || turns.empty()) throw Bad{"conversations is no list of turns"};
  record.messages = Json::array();
  if (const std::string system = string_or_nothing(row, "system"); !system.empty())
    record.messages.push_back(message("system", system));
  for (size_t i = 0; i < turns.size(); ++i) record.messages.push_back(sharegpt_message(turns[i], i));
  checked_messages(record.messages, "conversations", true);
}

Record record_of(const Json& row) {
  if (!row.is_object()) throw Bad{fmt::format("it is {}, expected an object", row.type_name())};
  Record record;
  record.tools = tools_of(row);
  if (row.contains("messages")) {
    record.messages = checked_messages(row["messages"], "messages", true);
  } else if (row.contains("conversations")) {
    read_sharegpt(row, record);
  } else if (row.contains("instruction")) {
    read_alpaca(row, record);
  } else if (row.contains("prompt")) {
    read_prompt_completion(row, record);
  } else if (row.contains("text")) {
    record.text = string_of(row, "text");
    record.whole_text = true;
    if (record.text.empty()) throw Bad{"text is empty"};
  } else {
    throw Bad{"none of messages, conversations, instruction, prompt and text is there"};
  }
  return record;
}

void add(const Json& row, int64_t place, Records& records) {
  try {
    Record record = record_of(row);
    record.place = place;
    records.records.push_back(std::move(record));
  } catch (const Bad& bad) {
    records.bad.push_back({place, bad.reason});
  }
}

}  // namespace

Records read_records(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  Records records;
  const size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != text.npos && text[first] == '[') {
    Json list;
    try {
      list = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(first), text.end());
    } catch (const nlohmann::json::exception& error) {
      throw Error({.doing = "read training data",
                   .where = file.string(),
                   .found = error.what(),
                   .expected = "a JSON list, or a JSON object per line"});
    }
    for (size_t i = 0; i < list.size(); ++i) add(list[i], static_cast<int64_t>(i) + 1, records);
    return records;
  }
  int64_t line = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view row = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++line;
    if (row.find_first_not_of(" \t\r") == row.npos) continue;
    const Json json = Json::parse(row, nullptr, false);
    if (json.is_discarded())
      records.bad.push_back({line, "it is no JSON"});
    else
      add(json, line, records);
  }
  return records;
}

void refuse_bad_rows(const Records& records, const std::filesystem::path& file, bool skip_bad) {
  if (records.records.empty())
    throw Error({.doing = "read training data",
                 .where = file.string(),
                 .found = records.bad.empty()
                              ? "no row"
                              : fmt::format("no record; row {}: {}", records.bad[0].place, records.bad[0].reason),
                 .expected = "one record at least"});
  if (skip_bad || records.bad.empty()) return;
  constexpr size_t kListed = 5;
  std::string found =
      fmt::format("{} of {} rows that are no records", records.bad.size(), records.bad.size() + records.records.size());
  for (size_t i = 0; i < std::min(kListed, records.bad.size()); ++i)
    found += fmt::format("; row {}: {}", records.bad[i].place, records.bad[i].reason);
  throw Error({.doing = "read training data",
               .where = file.string(),
               .found = std::move(found),
               .advice = "--skip-bad leaves them out"});
}

}  // namespace orrery::align
