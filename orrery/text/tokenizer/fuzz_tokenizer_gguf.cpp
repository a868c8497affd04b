#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/fuzz_tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::text::fuzz_tokenizer([=] {
    return orrery::text::Tokenizer::from_gguf(
        orrery::formats::GgufFile::parse(std::as_bytes(std::span(data, size)), "tokenizer.gguf"));
  });
  return 0;
}
