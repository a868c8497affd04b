// OpenAI's chat completions: the request.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/serve/api/attachments.h"
#include "orrery/serve/api/generation.h"
#include "orrery/text/chat/tools/tool_request.h"

namespace orrery::serve {

struct ChatRequest {
  /// Throws Refusal naming the field that is wrong, or not supported.
  /// `attachments`: what an API has beside its messages' contents.
  explicit ChatRequest(const nlohmann::ordered_json& body, std::vector<Attachment> attachments = {});

  std::string model;
  nlohmann::ordered_json messages;         ///< with contents as plain text, without
  std::vector<Attachment> attachments;     ///< by message
  nlohmann::ordered_json template_values;  ///< further variables of the chat template; an object or null
  std::shared_ptr<GenerationFields> generation;
  AnswerForm form;
  text::ToolRequest tools;
  int32_t top_logprobs = -1;
};

/// Messages as templates take them: contents that are lists of texts become one text, and pictures and files among them
/// are appended to `attachments`; where that is nullptr there may be none. Throws Refusal for roles, parts and fields
/// that nobody knows. `path`: of the list, for messages.
nlohmann::ordered_json read_messages(const nlohmann::ordered_json& list, const std::string& path,
                                     std::vector<Attachment>* attachments);

/// What a conversation's prompt is: its text, which ends where the answer begins, and its tokens.
struct ChatPrompt {
  std::string text;  ///< empty with pictures
  std::vector<text::TokenId> tokens;
  std::shared_ptr<const text::ImagePatches> patches;
};

/// Files stand before their message's text, as `orrery run --file` puts them. A picture comes with one message of the
/// user, which is what models that see them were trained on. `gone` is asked before each file. Throws Refusal with the
/// template's own words where it refuses, where the prompt does not fit, where the model sees no pictures, as
/// read_file() and decode_picture() do, and where `gone` says so.
ChatPrompt chat_prompt(const Model& model, const ChatRequest& request, const std::function<bool()>& gone);

}  // namespace orrery::serve
