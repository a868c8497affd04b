// From a chat's request to what the engine is asked, and how its answers are taken apart.
#pragma once

#include <vector>

#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/api/chat_writer.h"

namespace orrery::serve {

struct ChatWork {
  std::vector<text::Request> requests;  ///< one per choice
  ChatAnswerOptions options;
};

/// Throws Refusal for prompts that the template refuses or that do not fit, and for schemas and grammars that cannot be
/// followed.
ChatWork chat_work(const ChatRequest& chat, Model& model);

}  // namespace orrery::serve
