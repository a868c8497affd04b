// Answers are untrusted: whatever the bytes, they are taken apart, the same way in every cut. The first byte chooses
// the format and the options, the second the cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/tools/tool_call_parser.h"
#include "tests/text/sampling/toy_tokenizer.h"

namespace {

using namespace orrery::text;

// What find_tool_format() goes by, in few words.
const std::vector<ToolFormat>& formats() {
  static const auto all = [] {
    std::vector<ToolFormat> found;
    for (const char* signs :
         {"<tool_call>\"name\"", "<tool_call>[</tool_call>", "ipython tool_calls \"parameters\": ", "[TOOL_CALLS]",
          "[TOOL_CALLS][ARGS][CALL_ID]", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁begin｜>```json", ">>>${recipient}",
          "<function=</function>", "tool_name<|START_ACTION|>", "tool_name Action: ```json", "<|tool_call|>"}) {
      ToyTokenizer tokenizer;
      tokenizer.chat_template = signs;
      found.push_back(find_tool_format(tokenizer));
    }
    return found;
  }();
  return all;
}

// Events as one text: kinds, calls and texts, texts of one kind joined.
std::string told(const std::vector<ToolEvent>& events) {
  std::string out;
  auto before = ToolEvent::Kind::kCallEnd;
  for (const ToolEvent& event : events) {
    if (event.kind != before || event.text.empty()) out += '\1' + std::to_string(int(event.kind));
    before = event.kind;
    out += event.text + event.name + event.id + (event.complete ? "" : "!");
  }
  return out;
}

std::string read(const ToolFormat& format, uint8_t choice, const std::vector<std::string_view>& pieces) {
  ToolCallParser parser(format, ReasoningMarks{"<think>", "</think>"},
                        {.whole = (choice & 16) != 0, .names = {"f", "g"}}, (choice & 32) != 0 ? ">>>" : "");
  std::vector<ToolEvent> events;
  const auto add = [&](std::vector<ToolEvent> more) { events.insert(events.end(), more.begin(), more.end()); };
  for (std::string_view piece : pieces) add(parser.push(piece));
  add(parser.finish());
  return told(events);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ToolFormat& format = formats()[data[0] % 16 % formats().size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t cut = text.empty() ? 0 : data[1] % text.size();
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  const std::string whole = read(format, data[0], {text});
  if (whole != read(format, data[0], {text.substr(0, cut), text.substr(cut)})) std::abort();
  if (whole != read(format, data[0], bytes)) std::abort();
  return 0;
}
