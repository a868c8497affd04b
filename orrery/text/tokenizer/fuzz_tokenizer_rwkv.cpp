#include "orrery/text/tokenizer/fuzz_tokenizers.h"
#include "orrery/text/tokenizer/rwkv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::text::fuzz_tokenizer([=] {
    return orrery::text::load_rwkv_vocabulary({reinterpret_cast<const char*>(data), size}, "vocabulary.txt");
  });
  return 0;
}
