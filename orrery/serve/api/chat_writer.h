// OpenAI's chat completions: the answer, whole or as server-sent events.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orrery/serve/api/answers.h"
#include "orrery/text/chat/tools/tool_call_parser.h"

namespace orrery::serve {

struct ChatAnswerOptions {
  std::string model;
  std::vector<text::ToolCallParser> parsers;  ///< one per choice
  bool include_usage = false, logprobs = false;
};

std::unique_ptr<AnswerWriter> chat_stream_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                 ChatAnswerOptions options);
std::unique_ptr<AnswerWriter> chat_whole_writer(std::shared_ptr<Exchange> exchange, const text::Tokenizer& tokenizer,
                                                ChatAnswerOptions options);

/// "chatcmpl-" and 24 random letters and digits.
std::string new_id(const std::string& prefix);
int64_t unix_seconds();
const char* finish_reason(text::FinishReason reason);
/// AnswerWriter::enough() of an answer with one call at most.
text::FinishReason enough(const text::ToolCallParser& parser);

/// {"prompt_tokens": …}, with cached_tokens among the details.
std::string usage_json(const Usage& usage);
/// llama.cpp's timings.
std::string timings_json(const Usage& usage);

}  // namespace orrery::serve
