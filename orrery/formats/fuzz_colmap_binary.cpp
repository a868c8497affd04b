#include "orrery/formats/fuzz_parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::formats::fuzz_colmap_binary(std::as_bytes(std::span(data, size)));
  return 0;
}
