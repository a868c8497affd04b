// OpenAI's chat completions: the request.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/serve/api/generation.h"

namespace orrery::serve {

struct ChatRequest {
  /// Throws Refusal naming the field that is wrong, or not supported.
  explicit ChatRequest(const nlohmann::ordered_json& body);

  std::string model;
  nlohmann::ordered_json messages;         ///< with contents as plain text
  nlohmann::ordered_json template_values;  ///< further variables of the chat template; an object or null
  std::shared_ptr<GenerationFields> generation;
  AnswerForm form;
  int32_t top_logprobs = -1;
};

/// Messages as templates take them: contents that are lists of texts become one text. Throws Refusal for roles, parts
/// and fields that nobody knows. `path`: of the list, for messages.
nlohmann::ordered_json read_messages(const nlohmann::ordered_json& list, const std::string& path);

/// The prompt of a conversation, in tokens. Throws Refusal (400) with the template's own words where it refuses.
std::vector<text::TokenId> chat_tokens(const Model& model, const ChatRequest& request);

}  // namespace orrery::serve
