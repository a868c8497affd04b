// OpenAI's chat completions: the request.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/serve/api/generation.h"
#include "orrery/text/chat/tools/tool_request.h"

namespace orrery::serve {

struct ChatRequest {
  /// Throws Refusal naming the field that is wrong, or not supported.
  explicit ChatRequest(const nlohmann::ordered_json& body);

  std::string model;
  nlohmann::ordered_json messages;         ///< with contents as plain text
  nlohmann::ordered_json template_values;  ///< further variables of the chat template; an object or null
  std::shared_ptr<GenerationFields> generation;
  AnswerForm form;
  text::ToolRequest tools;
  int32_t top_logprobs = -1;
};

/// Messages as templates take them: contents that are lists of texts become one text. Throws Refusal for roles, parts
/// and fields that nobody knows. `path`: of the list, for messages.
nlohmann::ordered_json read_messages(const nlohmann::ordered_json& list, const std::string& path);

/// What a conversation's prompt is: its text, which ends where the answer begins, and its tokens.
struct ChatPrompt {
  std::string text;
  std::vector<text::TokenId> tokens;
};

/// Throws Refusal (400) with the template's own words where it refuses, and where the prompt does not fit.
ChatPrompt chat_prompt(const Model& model, const ChatRequest& request);

}  // namespace orrery::serve
