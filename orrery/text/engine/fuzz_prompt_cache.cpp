// Whatever the bytes, reading a prompt cache ends with its pages, its state or an Error.
#include <cstddef>
#include <cstdint>

#include "orrery/base/error.h"
#include "orrery/text/engine/prompt_cache.h"

namespace {

void read(const orrery::formats::SafetensorsFile& file, const orrery::text::PromptFingerprint& fingerprint,
          const orrery::text::PromptLayout& layout) {
  try {
    (void)orrery::text::read_prompt_cache(file, "fuzz", fingerprint, layout);
  } catch (const orrery::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  try {
    const auto file = formats::SafetensorsFile::parse(std::as_bytes(std::span(data, size)), "fuzz");
    read(file, {{"kv", "f16"}}, {.page_bytes = 16});
    read(file, {{"family", "rwkv"}}, {.state_bytes = [](int64_t) { return int64_t{8}; }});
    read(file, {{"family", "hyena"}}, {.state_bytes = [](int64_t tokens) { return 8 + tokens; }});
  } catch (const Error&) {
  }
  return 0;
}
