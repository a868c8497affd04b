#include "orrery/text/chat/reasoning.h"

namespace orrery::text {

std::optional<ReasoningMarks> find_reasoning_marks(const Tokenizer& tokenizer) {
  static const ReasoningMarks kKnown[] = {
      {"<think>", "</think>"}, {"[THINK]", "[/THINK]"}, {"<|START_THINKING|>", "<|END_THINKING|>"}};
  // A template may only speak of the end, where it takes an old answer apart.
  for (const ReasoningMarks& marks : kKnown)
    if (tokenizer.chat_template.find(marks.end) != std::string::npos) return marks;
  for (const ReasoningMarks& marks : kKnown)
    if (tokenizer.find(marks.begin) && tokenizer.find(marks.end)) return marks;
  return std::nullopt;
}

bool prompt_opens_reasoning(std::string_view prompt, const ReasoningMarks& marks) {
  const size_t last = prompt.find_last_not_of(" \t\r\n");
  return last != prompt.npos && prompt.substr(0, last + 1).ends_with(marks.begin);
}

}  // namespace orrery::text
