// {"name": …, "parameters": {…}} as the whole answer, sometimes behind <|python_tag|>: Llama 3.1, 3.2, 3.3 (Meta's
// model cards, "JSON based tool calling"). Calls of built-in tools, <|python_tag|>search.call(…), are left as content.
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> llama3_format(const Tokenizer& tokenizer) {
  if (!shows(tokenizer, "ipython") || !shows(tokenizer, "tool_calls") || !shows(tokenizer, R"("parameters": )"))
    return std::nullopt;
  return ToolFormat{.name = "llama 3",
                    .block_begin = "<|python_tag|>",
                    .bare = true,
                    .arguments_key = "parameters",
                    .parallel = false};
}

}  // namespace orrery::text
