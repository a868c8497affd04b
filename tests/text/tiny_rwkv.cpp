#include "tests/text/tiny_rwkv.h"

#include <algorithm>

#include "orrery/formats/safetensors.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {

DecoderSpec rwkv_spec(const std::string& family) {
  DecoderSpec spec;
  spec.family = family;
  spec.vocab_size = 256;
  spec.hidden_size = 64;
  spec.layers = 3;
  spec.intermediate_size = 96;
  spec.heads = spec.kv_heads = family == "rwkv4" ? 64 : 4;
  spec.head_dim = 64 / spec.heads;
  spec.rwkv = {.decay_rank = 8, .rate_rank = 12, .value_rank = 4, .gate_rank = 16};
  return spec;
}

/// [out, in] -> [in, out]: how RWKV-7's low-rank maps are stored.
bool is_low_rank_map(const std::string& name, const std::vector<int64_t>& shape) {
  const size_t dot = name.rfind(".att.");
  return dot != std::string::npos && name.size() == dot + 7 && shape.size() == 2;
}

}  // namespace

std::filesystem::path write_tiny_rwkv(const std::filesystem::path& folder, const std::string& family,
                                      const std::function<void(TinyTensors&)>& edit) {
  const DecoderSpec spec = rwkv_spec(family);
  TinyTensors tensors;
  for (const ExpectedTensor& expected : expected_tensors(family_named(family), spec)) {
    std::vector<int64_t> shape = expected.shape;
    if (is_low_rank_map(expected.meta, shape)) std::ranges::reverse(shape);
    // One axis per head, by which the head size is known.
    if (expected.meta.ends_with(".r_k") || expected.meta.ends_with(".time_faaaa")) shape = {spec.heads, spec.head_dim};
    tensors.add(expected.meta, shape);
  }
  if (edit) edit(tensors);
  const std::filesystem::path file = folder / (family + ".safetensors");
  formats::write_safetensors(file, tensors.views);
  return file;
}

}  // namespace orrery::text
