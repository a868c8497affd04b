// Cohere. Command R7B and Command A: <|START_ACTION|>[{"tool_call_id": "0", "tool_name": …, "parameters": {…}}, …]
// <|END_ACTION|>. Command R and R+: Action:\n```json\n[{"tool_name": …, "parameters": {…}}, …]\n```.
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> command_r_format(const Tokenizer& tokenizer) {
  if (!shows(tokenizer, "tool_name")) return std::nullopt;
  ToolFormat format{.list = true, .name_key = "tool_name", .arguments_key = "parameters"};
  if (shows(tokenizer, "<|START_ACTION|>")) {
    format.name = "command r7b";
    format.block_begin = "<|START_ACTION|>";
    format.block_end = "<|END_ACTION|>";
    format.lead = R"("\"tool_call_id\": \"" [0-9]{1,3} "\", ")";
    return format;
  }
  if (!shows(tokenizer, "Action:") || !shows(tokenizer, "```json")) return std::nullopt;
  format.name = "command r+";
  format.block_begin = "Action:\n```json";
  format.block_end = "```";
  return format;
}

}  // namespace orrery::text
