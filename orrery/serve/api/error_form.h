// Errors as the APIs write them.
#pragma once

#include <exception>
#include <string>

#include "orrery/serve/http/message.h"

namespace orrery::serve {

/// {"error": {"message", "type", "param", "code"}}, OpenAI's. A Refusal has its status; another Error is a 400;
/// anything else is our fault: a 500 that says nothing more, and the log says what.
Response openai_error(const std::exception& error);
Response openai_error(int status, const std::string& message, const std::string& code = "",
                      const std::string& param = "");
/// {"error": "message"}, Ollama's.
Response ollama_error(const std::exception& error);

}  // namespace orrery::serve
