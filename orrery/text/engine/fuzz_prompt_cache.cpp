// Whatever the bytes, reading a prompt cache ends with its pages or an Error.
#include <cstddef>
#include <cstdint>

#include "orrery/base/error.h"
#include "orrery/text/engine/prompt_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  try {
    const auto file = formats::SafetensorsFile::parse(std::as_bytes(std::span(data, size)), "fuzz");
    (void)text::read_prompt_cache(file, "fuzz", {{"kv", "f16"}}, 16);
  } catch (const Error&) {
  }
  return 0;
}
