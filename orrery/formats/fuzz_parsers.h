// One entry per parser for the fuzz targets and for the tests that replay their corpora: parse untrusted bytes, then
// touch what came out. A refusal (orrery::Error) is a good outcome; anything else that leaves these functions is a bug.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/formats/colmap.h"
#include "orrery/formats/gguf.h"
#include "orrery/formats/gzip.h"
#include "orrery/formats/image.h"
#include "orrery/formats/llama2_c.h"
#include "orrery/formats/opensfm.h"
#include "orrery/formats/point_cloud.h"
#include "orrery/formats/rwkv_cpp.h"
#include "orrery/formats/safetensors.h"
#include "orrery/formats/shard_index.h"
#include "orrery/formats/torch_pickle.h"
#include "orrery/formats/transforms_json.h"

namespace orrery::formats {

/// Reads the ends of every tensor, so that a view outside its file is seen by the sanitizer.
inline void touch(const std::vector<TensorView>& tensors) {
  for (const TensorView& tensor : tensors) {
    if (tensor.bytes == 0) continue;
    [[maybe_unused]] const volatile std::byte first = tensor.data[0], last = tensor.data[tensor.bytes - 1];
    [[maybe_unused]] const volatile int64_t rows = tensor.rows();
  }
}

/// Walks a tree of values to a depth; what TorchFile let pass cannot be deeper.
inline void touch(TorchValue value) {
  (void)value.find("model").find("args");
  for (size_t i = 0; i < value.size(); ++i) touch(value.at(i));
}

/// True when the bytes were accepted, false when they were refused.
template <class Parse>
bool accepts(const Parse& parse) {
  try {
    parse();
    return true;
  } catch (const Error&) {
    return false;
  }
}

inline bool fuzz_gguf(std::span<const std::byte> bytes) {
  return accepts([&] { touch(GgufFile::parse(bytes, "fuzz").tensors()); });
}
inline bool fuzz_safetensors(std::span<const std::byte> bytes) {
  return accepts([&] { touch(SafetensorsFile::parse(bytes, "fuzz").tensors()); });
}
inline bool fuzz_shard_index(std::span<const std::byte> bytes) {
  return accepts([&] { parse_shard_index(bytes, "fuzz.index.json"); });
}
inline bool fuzz_torch_pickle(std::span<const std::byte> bytes) {
  return accepts([&] {
    const TorchFile file = TorchFile::parse(bytes, "fuzz");
    touch(file.tensors());
    touch(file.root());
  });
}
inline bool fuzz_llama2_c(std::span<const std::byte> bytes) {
  return accepts([&] { touch(Llama2cFile::parse(bytes, "fuzz").tensors()); });
}
inline bool fuzz_llama2_c_tokenizer(std::span<const std::byte> bytes) {
  return accepts([&] { Llama2cTokenizer::parse(bytes, "fuzz"); });
}
inline bool fuzz_rwkv_cpp(std::span<const std::byte> bytes) {
  return accepts([&] { touch(RwkvCppFile::parse(bytes, "fuzz").tensors()); });
}
inline bool fuzz_image(std::span<const std::byte> bytes) {
  constexpr int64_t kMaxPixels = 1 << 18;  // a scan of so many takes milliseconds
  return accepts([&] { touch({decode_image(bytes, "fuzz", {.max_pixels = kMaxPixels}).view()}); });
}

/// Any of a COLMAP model's three files; an empty list of points is no evidence of one.
inline bool fuzz_colmap(std::span<const std::byte> bytes, ColmapForm form) {
  const ColmapOptions options{.observations = true};
  const bool cameras = accepts([&] { parse_colmap_cameras(bytes, form, "fuzz"); }),
             images = accepts([&] { parse_colmap_images(bytes, form, "fuzz", options); });
  bool points = false;
  accepts([&] { points = !parse_colmap_points(bytes, form, "fuzz", options).empty(); });
  return cameras || images || points;
}
inline bool fuzz_colmap_binary(std::span<const std::byte> bytes) { return fuzz_colmap(bytes, ColmapForm::kBinary); }
inline bool fuzz_colmap_text(std::span<const std::byte> bytes) { return fuzz_colmap(bytes, ColmapForm::kText); }
inline bool fuzz_transforms_json(std::span<const std::byte> bytes) {
  return accepts([&] { parse_transforms_json(bytes, "fuzz"); });
}
inline bool fuzz_opensfm(std::span<const std::byte> bytes) {
  return accepts([&] { parse_opensfm(bytes, "fuzz"); });
}
inline bool fuzz_point_cloud(std::span<const std::byte> bytes) {
  return accepts([&] { parse_point_cloud(bytes, "fuzz"); });
}

inline bool fuzz_gzip(std::span<const std::byte> bytes) {
  return accepts([&] {
    GzipReader reader(bytes, "fuzz", {.max_bytes = 1 << 20});
    std::array<std::byte, 1000> piece;
    while (reader.read(piece) > 0) {
    }
  });
}

}  // namespace orrery::formats
