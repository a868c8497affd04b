// From a chat's request to what the engine is asked, and how its answers are taken apart.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/api/chat_writer.h"
#include "orrery/serve/service.h"

namespace orrery::serve {

struct ChatWork {
  std::vector<text::Request> requests;  ///< one per choice
  ChatAnswerOptions options;
};

/// Throws Refusal for prompts that the template refuses or that do not fit, and for schemas and grammars that cannot be
/// followed.
ChatWork chat_work(const ChatRequest& chat, Model& model, const Exchange& exchange);

/// Calls `answer` with the model of that name, where chat_work() holds nobody else up: pictures and files take a while.
void prepare_chat(const std::shared_ptr<Exchange>& exchange, Service& service, ErrorForm form, const std::string& model,
                  const ChatRequest& chat, std::function<void(const std::shared_ptr<Model>&)> answer);

}  // namespace orrery::serve
