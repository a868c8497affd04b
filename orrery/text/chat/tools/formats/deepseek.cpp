// <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>name\n```json\n{…}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>:
// DeepSeek V3 and R1; V3.1 writes the name in place of "function" and nothing around the JSON.
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> deepseek_format(const Tokenizer& tokenizer) {
  if (!shows(tokenizer, "<｜tool▁calls▁begin｜>")) return std::nullopt;
  ToolFormat format{.name = "deepseek v3.1",
                    .shape = ToolFormat::Shape::kNamed,
                    .block_begin = "<｜tool▁calls▁begin｜>",
                    .block_end = "<｜tool▁calls▁end｜>",
                    .call_begin = "<｜tool▁call▁begin｜>",
                    .name_end = "<｜tool▁sep｜>",
                    .call_end = "<｜tool▁call▁end｜>"};
  if (shows(tokenizer, "```json")) {
    format.name = "deepseek";
    format.call_begin += "function<｜tool▁sep｜>";
    format.name_end = "\n```json";
    format.call_end = "```<｜tool▁call▁end｜>";
  }
  return format;
}

}  // namespace orrery::text
