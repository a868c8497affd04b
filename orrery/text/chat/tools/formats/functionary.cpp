// MeetKai's Functionary. v3.1: <function=name>{…}</function>. v3.2: >>>name\n{…}, where the prompt ends with the first
// >>>, and >>>all\n is content.
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

std::optional<ToolFormat> functionary_format(const Tokenizer& tokenizer) {
  if (shows(tokenizer, ">>>${recipient}"))
    return ToolFormat{.name = "functionary v3.2",
                      .shape = ToolFormat::Shape::kNamed,
                      .call_begin = ">>>",
                      .name_end = "\n",
                      .content_name = "all",
                      .arguments_as_text = true};
  const bool other_xml = shows(tokenizer, "<tool_call>") || shows(tokenizer, "<parameter");
  if (shows(tokenizer, "<function=") && shows(tokenizer, "</function>") && !other_xml)
    return ToolFormat{.name = "functionary v3.1",
                      .shape = ToolFormat::Shape::kNamed,
                      .call_begin = "<function=",
                      .name_end = ">",
                      .call_end = "</function>"};
  return std::nullopt;
}

}  // namespace orrery::text
