#include "orrery/align/preferences.h"

#include <tuple>

#include "orrery/align/row_forms.h"

namespace orrery::align {

namespace {

void add_preference(const Json& row, std::vector<Preference>& records) { records.push_back(preference_of(row)); }

bool label_of(const Json& row) {
  const Json& label = member(row, "label");
  if (label.is_boolean()) return label;
  if (label.is_number_integer() && (label == 0 || label == 1)) return label == 1;
  throw Bad{"label is neither true nor false"};
}

/// A conversation without its last message, which it returns in a list.
Json take_answer(Json& messages) {
  Json answer = Json::array({messages.back()});
  messages.erase(messages.size() - 1);
  return answer;
}

void add_labelled(const Json& row, std::vector<Labelled>& records) {
  if (has_preference(row)) {
    const Preference pair = preference_of(row);
    records.push_back({.tools = pair.tools, .prompt = pair.prompt, .completion = pair.chosen, .label = true});
    records.push_back({.tools = pair.tools, .prompt = pair.prompt, .completion = pair.rejected});
    return;
  }
  Labelled record{.tools = tools_of(row), .label = label_of(row)};
  if (has(row, "prompt")) {
    std::tie(record.prompt, record.completion) = prompt_and_completion_of(row);
  } else if (has_conversation(row)) {
    record.prompt = conversation_of(row, true);
    record.completion = take_answer(record.prompt);
    check_answer(record.completion, "the last message");
    if (record.prompt.empty()) throw Bad{"there is no prompt before the answer"};
  } else {
    throw Bad{"none of prompt, messages, conversations, instruction and chosen is there"};
  }
  records.push_back(std::move(record));
}

void add_prompt(const Json& row, std::vector<Prompt>& records) {
  Prompt record{.tools = tools_of(row)};
  if (has_preference(row)) {
    record.prompt = preference_of(row).prompt;
  } else {
    record.prompt = explicit_prompt(row);
    if (record.prompt.is_null()) throw Bad{"none of prompt, messages, conversations, instruction and chosen is there"};
    if (!has(row, "prompt"))
      while (!record.prompt.empty() && record.prompt.back()["role"] == "assistant") take_answer(record.prompt);
    if (record.prompt.empty()) throw Bad{"there is nothing before what the assistant says"};
  }
  if (record.prompt == "") throw Bad{"prompt is empty"};
  records.push_back(std::move(record));
}

}  // namespace

Rows<Preference> read_preferences(const std::filesystem::path& file) { return read_rows(file, add_preference); }
Rows<Labelled> read_labelled(const std::filesystem::path& file) { return read_rows(file, add_labelled); }
Rows<Prompt> read_prompts(const std::filesystem::path& file) { return read_rows(file, add_prompt); }

}  // namespace orrery::align
