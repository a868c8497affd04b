// Configs are untrusted: whatever the bytes, reading one ends soon, with a spec or an Error; so does writing it again.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  using namespace orrery::text;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ConfigJson config(parse_json_object(text, "config.json"), "config.json");
    const Family& family = family_of_hub(config);
    const DecoderSpec spec = family.spec_from_hub(config);
    // A checkpoint has looked whether there are as many tensors as a table this long.
    if (spec.layers < 100 && spec.mixture.experts < 100) expected_tensors(family, spec);
    nlohmann::json written;
    if (family.describe && spec.layers < 100) family.describe(spec, written);
  } catch (const Error&) {
  }
  return 0;
}
