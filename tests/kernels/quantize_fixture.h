// The files of tests/fixtures/quantize, made by scripts/quantize_fixtures.py.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "orrery/base/dtype.h"
#include "orrery/base/file.h"
#include "orrery/kernels/quantize/quantize.h"

namespace orrery::kernels {

inline std::string fixture_path(const std::string& file) {
  return std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/quantize/" + file;
}

inline std::vector<std::byte> fixture_bytes(const std::string& file) {
  const MappedFile mapped = MappedFile::open(fixture_path(file));
  return {mapped.bytes().begin(), mapped.bytes().end()};
}

inline std::vector<float> fixture_floats(const std::string& file) {
  const std::vector<std::byte> bytes = fixture_bytes(file);
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

inline std::vector<float> dequantized(DType type, std::span<const std::byte> blocks) {
  std::vector<float> out(blocks.size() / info(type).block_bytes * info(type).block_elements);
  dequantize(type, blocks, out);
  return out;
}

inline std::vector<std::byte> quantized(DType type, std::span<const float> values,
                                        std::span<const float> importance = {}) {
  std::vector<std::byte> blocks(bytes_of(type, static_cast<int64_t>(values.size())));
  quantize(type, values, blocks, importance);
  return blocks;
}

/// The bits of a float, every NaN as one.
inline uint32_t bits_of(float value) { return value == value ? std::bit_cast<uint32_t>(value) : 0x7fc00000; }

}  // namespace orrery::kernels
