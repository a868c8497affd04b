// Processor settings are untrusted: whatever the bytes, reading them ends soon, with settings that a picture can go
// through or an Error.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/pictures/fuyu_processor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  using namespace orrery::text;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ConfigJson json(parse_json_object(text, "preprocessor_config.json"), "preprocessor_config.json");
    const auto config = FuyuProcessorConfig::read(json, 6);
    fuyu_patches(formats::Image(1, 1), config, 1 << 10);
    fuyu_patches(formats::Image(50, 70), config, 1 << 10);
  } catch (const Error&) {
  }
  return 0;
}
