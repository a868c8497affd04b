// One list of {"name": …, "arguments": {…}} between tags: SmolLM2-1.7B's instructions, Apriel, Nemotron Nano 2.
#include <fmt/format.h>

#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> tagged_list_format(const Tokenizer& tokenizer) {
  for (const char* tag : {"tool_call", "tool_calls", "TOOLCALL"}) {
    const std::string begin = fmt::format("<{}>", tag), end = fmt::format("</{}>", tag);
    if (shows(tokenizer, begin + "[") && shows(tokenizer, end))
      return ToolFormat{.name = fmt::format("{} list", tag), .block_begin = begin, .block_end = end, .list = true};
  }
  return std::nullopt;
}

}  // namespace orrery::text
