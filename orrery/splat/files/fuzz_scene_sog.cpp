#include "orrery/splat/files/fuzz_scene.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  orrery::splat::fuzz_scene("sog", std::as_bytes(std::span(data, size)));
  return 0;
}
