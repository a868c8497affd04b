// Templates are untrusted: whatever the bytes, parsing and rendering end soon, with a text or an Error.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/chat/template.h"

namespace {

// An object of everything a template can be given, under short names that a fuzzer finds.
const nlohmann::ordered_json& context() {
  static const auto json = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "é東🦜\n"},
                 {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, true]}}}]}],
    "tools": null, "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
    "s": "a,b\tc", "n": 3, "f": 0.5, "l": [3, 1, 2], "d": {"a": 1, "b": {"c": [1]}}
  })");
  return json;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const orrery::text::ChatTemplate::Limits limits{.steps = 50'000, .depth = 200, .output_bytes = 1 << 20};
  try {
    const std::string_view source(reinterpret_cast<const char*>(data), size);
    orrery::text::ChatTemplate(source, limits).render(context());
  } catch (const orrery::Error&) {
  }
  return 0;
}
