#include "orrery/align/records.h"

#include "orrery/align/row_forms.h"

namespace orrery::align {

namespace {

void set_answered(Record& record, const Json& prompt, const Json& answer) {
  if (prompt.is_string()) {
    record.text = prompt, record.completion = answer;
    return;
  }
  record.messages = prompt;
  record.given = prompt.size();
  for (const Json& one : answer) record.messages.push_back(one);
}

void add_record(const Json& row, std::vector<Record>& records) {
  Record record{.tools = tools_of(row)};
  if (has_preference(row)) {
    const Preference pair = preference_of(row);
    set_answered(record, pair.prompt, pair.chosen);
  } else if (has_conversation(row)) {
    record.messages = conversation_of(row, true);
    need_answer(record.messages, has(row, "messages") ? "messages" : "the conversation");
  } else if (has(row, "prompt")) {
    const auto [prompt, completion] = prompt_and_completion_of(row);
    set_answered(record, prompt, completion);
  } else if (has(row, "text")) {
    record.text = string_of(row, "text");
    record.whole_text = true;
    if (record.text.empty()) throw Bad{"text is empty"};
  } else {
    throw Bad{"none of messages, conversations, instruction, prompt, chosen and text is there"};
  }
  records.push_back(std::move(record));
}

}  // namespace

Records read_records(const std::filesystem::path& file) { return read_rows(file, add_record); }

}  // namespace orrery::align
