// How a model marks its thoughts, which come before the answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// What stands around a thought: "<think>" and "</think>", say.
struct ReasoningMarks {
  std::string begin, end;
};

/// The marks that the chat template speaks of, or else the vocabulary has as tokens of its own; nothing where neither
/// does. Known pairs: <think> (DeepSeek-R1, Qwen 3, SmolLM 3, Granite 3.3), [THINK] (Magistral), <|START_THINKING|>
/// (Command R7B, Command A). Granite's <response> tags around the answer are left to the answer.
std::optional<ReasoningMarks> find_reasoning_marks(const Tokenizer& tokenizer);

/// True when the prompt ends with the mark that begins a thought, so that the answer goes on inside it: templates of
/// models that always think write the mark themselves.
bool prompt_opens_reasoning(std::string_view prompt, const ReasoningMarks& marks);

}  // namespace orrery::text
