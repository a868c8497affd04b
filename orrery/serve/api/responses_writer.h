// OpenAI's Responses API: the answer, whole or as typed events.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/serve/api/answers.h"
#include "orrery/text/chat/tools/tool_call_parser.h"

namespace orrery::serve {

struct ResponsesOptions {
  std::string model;
  nlohmann::ordered_json echo;  ///< ResponsesRequest::echo
  bool stream = false;
};

/// Thoughts, texts and calls become items of the response's output, in the order in which they are said.
std::unique_ptr<AnswerWriter> responses_writer(std::shared_ptr<Exchange> exchange, text::ToolCallParser parser,
                                               ResponsesOptions options);

}  // namespace orrery::serve
