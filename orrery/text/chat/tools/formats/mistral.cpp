// [TOOL_CALLS][{"name": …, "arguments": {…}, "id": "nine chars"}, …] (Mistral's tokenizers v2 to v7: Mistral 7B v0.3,
// Nemo, Small 3.1), [TOOL_CALLS]name[CALL_ID]id[ARGS]{…} (v11: Small 3.2) and [TOOL_CALLS]name[ARGS]{…} (v13 on).
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> mistral_format(const Tokenizer& tokenizer) {
  if (!shows(tokenizer, "[TOOL_CALLS]")) return std::nullopt;
  if (shows(tokenizer, "[ARGS]"))
    return ToolFormat{.name = "mistral names",
                      .shape = ToolFormat::Shape::kNamed,
                      .call_begin = "[TOOL_CALLS]",
                      .name_end = "[ARGS]",
                      .id_mark = shows(tokenizer, "[CALL_ID]") ? "[CALL_ID]" : "",
                      .short_ids = true};
  return ToolFormat{.name = "mistral",
                    .block_begin = "[TOOL_CALLS]",
                    .list = true,
                    .tail = R"(", \"id\": \"" [a-zA-Z0-9]{9} "\"")",
                    .short_ids = true};
}

}  // namespace orrery::text
