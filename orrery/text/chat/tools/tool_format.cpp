#include "orrery/text/chat/tools/tool_format.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/chat/tools/formats/formats.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

// SmolLM3's and Granite 3's templates list tools, and leave the calls of earlier answers out.
bool template_writes_calls(const Tokenizer& tokenizer) {
  const Json messages = Json::parse(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "",
      "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "orrery_probe", "arguments": {}}}]}])");
  try {
    return Chat(tokenizer).prompt(messages, false).find("orrery_probe") != std::string::npos;
  } catch (const Error&) {
    return true;  // it wants something else of them, but wants them
  }
}

}  // namespace

std::vector<std::string_view> ToolFormat::marks() const {
  std::vector<std::string_view> all = {block_begin, block_end, call_begin, name_end, id_mark, call_end};
  std::erase_if(all, [](std::string_view mark) { return mark.empty(); });
  return all;
}

// The first that recognises the template; those whose sign another one's template might hold come later.
ToolFormat find_tool_format(const Tokenizer& tokenizer) {
  for (const auto& find : {deepseek_format, mistral_format, command_r_format, functionary_format, granite_format,
                           tagged_list_format, hermes_format, llama3_format})
    if (auto format = find(tokenizer)) {
      format->template_writes_calls = template_writes_calls(tokenizer);
      return *format;
    }
  return generic_format();
}

std::vector<TokenId> shown_tokens(const ToolFormat& format, const Tokenizer& tokenizer,
                                  const std::vector<std::string>& more) {
  std::vector<std::string_view> marks = format.marks();
  marks.insert(marks.end(), more.begin(), more.end());
  std::vector<TokenId> shown;
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    if (!tokenizer.is_special(id)) continue;
    const std::string_view piece = tokenizer.piece(id);
    const auto holds = [&](std::string_view mark) { return mark.find(piece) != mark.npos; };
    if (!piece.empty() && std::any_of(marks.begin(), marks.end(), holds)) shown.push_back(id);
  }
  return shown;
}

}  // namespace orrery::text
