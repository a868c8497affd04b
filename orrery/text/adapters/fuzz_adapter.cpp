// Adapters are untrusted: a config up to the first zero byte, then tensors (safetensors, or GGUF without a config).
// They are read as what they claim to be and put on a small llama: an adapter or an Error.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/families/config_json.h"

namespace {

using namespace orrery::text;

DecoderSpec tiny_llama() {
  DecoderSpec spec{.family = "llama", .vocab_size = 96, .hidden_size = 64, .layers = 2, .intermediate_size = 96};
  spec.context_length = 512;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_dim = 16;
  spec.rope.dim = 16;
  return spec;
}

Adapter read(std::string_view config, std::span<const std::byte> tensors) {
  if (tensors.size() > 4 && static_cast<char>(tensors[0]) == 'G')
    return read_gguf_adapter(orrery::formats::GgufFile::parse(tensors, "fuzz"), "fuzz");
  const auto file = orrery::formats::SafetensorsFile::parse(tensors, "fuzz");
  const nlohmann::json json = nlohmann::json::parse(config, nullptr, false);
  if (!json.is_object())
    return read_llama_adapter(file.tensors(), ConfigJson(nlohmann::json::object(), ""), "fuzz", {});
  if (json.contains("peft_type")) return read_peft(json, "fuzz", file.tensors());
  return read_llama_adapter(file.tensors(), ConfigJson(json, "fuzz"), "fuzz", {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view config(reinterpret_cast<const char*>(data), std::find(data, data + size, 0) - data);
  const size_t start = std::min(size, config.size() + 1);
  if (std::ranges::count(config, '[') + std::ranges::count(config, '{') > 64) return 0;  // read_json_object bounds it
  try {
    const Adapter adapter = bind(read(config, std::as_bytes(std::span(data + start, size - start))), tiny_llama());
    for (const LinearChange& change : adapter.linears)
      for (const orrery::TensorView* part :
           {&change.a, &change.b, &change.bias, &change.input_scale, &change.magnitude})
        if (part->data != nullptr) floats_of(*part);
    for (const orrery::TensorView& tensor : adapter.replaced) floats_of(tensor);
  } catch (const orrery::Error&) {
  }
  return 0;
}
