#include "orrery/kernels/quantize/quantize.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "orrery/base/error.h"
#include "orrery/kernels/convert/convert.h"
#include "orrery/kernels/quantize/codec.h"

namespace orrery::kernels {
namespace {

constexpr int kLargestBlock = 256;

// Throws unless `bytes` bytes of the type are what `elements` elements take.
void check_sizes(const char* doing, DType type, size_t elements, size_t bytes) {
  const auto block = static_cast<size_t>(info(type).block_elements);
  if (elements % block != 0) {
    throw Error({.doing = doing,
                 .found = fmt::format("{} elements", elements),
                 .expected = fmt::format("whole blocks of {} ({})", block, name(type))});
  }
  const auto needed = static_cast<size_t>(bytes_of(type, static_cast<int64_t>(elements)));
  if (bytes != needed) {
    throw Error({.doing = doing,
                 .found = fmt::format("{} bytes", bytes),
                 .expected = fmt::format("{} for {} elements of {}", needed, elements, name(type))});
  }
}

Decode decoder(DType type) {
  if (Decode decode = decode_plain(type)) return decode;
  if (Decode decode = decode_simple(type)) return decode;
  if (Decode decode = decode_k(type)) return decode;
  return decode_iq(type);
}

Encode block_encoder(DType type) {
  if (Encode encode = encode_simple(type)) return encode;
  if (Encode encode = encode_k(type)) return encode;
  return encode_iq4(type);
}

template <uint8_t (*convert)(float)>
void encode_f8(std::span<const float> values, std::byte* out) {
  for (size_t i = 0; i < values.size(); ++i) out[i] = std::byte{convert(values[i])};
}

// Whether the type is a float of its own rather than a block; writes it if so.
bool quantize_plain(DType type, std::span<const float> values, std::byte* out) {
  const std::span<uint16_t> words = {reinterpret_cast<uint16_t*>(out), values.size()};
  switch (type) {
    case DType::kF32:
      if (!values.empty()) std::memcpy(out, values.data(), values.size_bytes());
      return true;
    case DType::kF16:
      return f32_to_f16(values, words), true;
    case DType::kBF16:
      return f32_to_bf16(values, words), true;
    case DType::kF8E4M3:
      return encode_f8<f32_to_f8e4m3>(values, out), true;
    case DType::kF8E5M2:
      return encode_f8<f32_to_f8e5m2>(values, out), true;
    default:
      return false;
  }
}

// The block itself, or a copy in `clean` without NaN, infinities and what a search over squares could not hold.
const float* cleaned(const float* block, int n, float limit, float* clean) {
  bool fine = true;
  for (int i = 0; i < n; ++i) fine &= std::fabs(block[i]) <= limit;
  if (fine) return block;
  for (int i = 0; i < n; ++i) {
    const float value = std::isinf(block[i]) ? std::copysign(65504.0f, block[i]) : block[i];
    clean[i] = std::isnan(value) ? 0.0f : std::fabs(value) <= limit ? value : std::copysign(limit, value);
  }
  return clean;
}

}  // namespace

void dequantize(DType type, std::span<const std::byte> blocks, std::span<float> out) {
  check_sizes("dequantize", type, out.size(), blocks.size());
  decoder(type)(blocks.data(), out.data(), out.size() / static_cast<size_t>(info(type).block_elements));
}

bool can_quantize(DType type) {
  switch (type) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kF8E4M3:
    case DType::kF8E5M2:
      return true;
    default:
      return block_encoder(type) != nullptr;
  }
}

void quantize(DType type, std::span<const float> values, std::span<std::byte> blocks,
              std::span<const float> importance) {
  const Encode encode = block_encoder(type);
  if (!can_quantize(type)) {
    throw Error({.doing = "quantize",
                 .found = std::string(name(type)),
                 .expected = "a type that can be written",
                 .advice = "choose q4_k, q5_k, q6_k, q8_0, q4_0, bf16 or f16"});
  }
  check_sizes("quantize", type, values.size(), blocks.size());
  const auto block = static_cast<size_t>(info(type).block_elements),
             bytes = static_cast<size_t>(info(type).block_bytes);
  if (!importance.empty() && (importance.size() % block != 0 || values.size() % importance.size() != 0)) {
    throw Error({.doing = "quantize",
                 .where = "importance",
                 .found = fmt::format("{} weights for {} values", importance.size(), values.size()),
                 .expected = "one weight per column"});
  }
  if (quantize_plain(type, values, blocks.data())) return;
  // MXFP4's and Q8_K's scales hold any float32; 1e9 is beyond what any other block can say, and its powers fit a
  // double.
  const float limit = type == DType::kMXFP4 || type == DType::kQ8_K ? 3e38f : 1e9f;
  float clean[kLargestBlock];
  for (size_t at = 0, i = 0; at < values.size(); at += block, ++i) {
    const float* weights = importance.empty() ? nullptr : importance.data() + at % importance.size();
    encode(cleaned(values.data() + at, static_cast<int>(block), limit, clean), weights, blocks.data() + i * bytes);
  }
}

}  // namespace orrery::kernels
