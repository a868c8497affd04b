#include "orrery/text/tokenizer/fuzz_tokenizers.h"
#include "orrery/text/tokenizer/tiktoken.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::text::fuzz_tokenizer([=] {
    return orrery::text::load_tiktoken({reinterpret_cast<const char*>(data), size}, "tokenizer.model");
  });
  return 0;
}
