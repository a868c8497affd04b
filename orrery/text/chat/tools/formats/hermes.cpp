// <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call> for every call: Nous Research's Hermes 2 Pro and 3, Qwen 2.5
// and 3, SmolLM3, Granite 4.
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

namespace {

ToolFormat hermes() { return {.name = "hermes", .block_begin = "<tool_call>", .block_end = "</tool_call>"}; }

}  // namespace

std::optional<ToolFormat> hermes_format(const Tokenizer& tokenizer) {
  if (!shows(tokenizer, "<tool_call>")) return std::nullopt;
  // The same tags hold XML in Qwen3-Coder's (<function=…>, <parameter=…>) and GLM's templates (<arg_key>).
  for (const char* other : {"<function=", "<parameter", "<arg_key>"})
    if (shows(tokenizer, other)) return std::nullopt;
  // As templates write it themselves, in a string with escapes, or in Hermes' own words.
  const auto shows_json = [&] {
    for (const char* key : {R"("name")", R"(\"name\")", "'name'"})
      if (shows(tokenizer, key)) return true;
    return false;
  };
  if (!shows_json()) return std::nullopt;
  return hermes();
}

ToolFormat generic_format() {
  ToolFormat format = hermes();
  format.name = "generic";
  format.template_lists_tools = format.template_writes_calls = false;
  return format;
}

}  // namespace orrery::text
