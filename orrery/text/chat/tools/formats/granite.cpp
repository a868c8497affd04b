// <|tool_call|>[{"name": …, "arguments": {…}}, …]: IBM's Granite 3. (Granite 4 writes as Hermes does.)
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> granite_format(const Tokenizer& tokenizer) {
  // Phi-4-mini's template has the same mark, and closes it.
  if (!shows(tokenizer, "<|tool_call|>") || shows(tokenizer, "<|/tool_call|>")) return std::nullopt;
  return ToolFormat{.name = "granite 3", .block_begin = "<|tool_call|>", .list = true};
}

}  // namespace orrery::text
