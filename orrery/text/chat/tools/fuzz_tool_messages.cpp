// A request's tools and messages are untrusted: whatever JSON they are, an Error or a prompt's input comes of them.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/chat/tools/tool_messages.h"
#include "orrery/text/chat/tools/tool_request.h"
#include "tests/text/sampling/toy_tokenizer.h"

using namespace orrery::text;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return 0;
  const auto messages = json.contains("messages") ? json["messages"] : nlohmann::ordered_json();
  for (const char* signs : {"", "[TOOL_CALLS]", "<｜tool▁calls▁begin｜>", ">>>${recipient}"}) {
    try {
      ToyTokenizer tokenizer;
      tokenizer.chat_template = signs;
      const ToolFormat format = find_tool_format(tokenizer);
      const ToolRequest request = read_tool_request(json);
      for (const bool takes_system : {true, false}) tool_messages(messages, request.shown(), format, takes_system);
    } catch (const orrery::Error&) {
    }
  }
  return 0;
}
