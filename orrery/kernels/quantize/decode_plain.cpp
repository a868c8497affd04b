// Integers and floats of every width, at any alignment.
#include <cstring>

#include "orrery/kernels/convert/convert.h"
#include "orrery/kernels/quantize/codec.h"

namespace orrery::kernels {
namespace {

template <class T>
void decode_numbers(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

void decode_f32(const std::byte* in, float* out, size_t count) {
  if (count != 0) std::memcpy(out, in, count * sizeof(float));
}

std::span<const uint16_t> words(const std::byte* in, size_t count) {
  return {reinterpret_cast<const uint16_t*>(in), count};
}
void decode_f16(const std::byte* in, float* out, size_t count) { f16_to_f32(words(in, count), {out, count}); }
void decode_bf16(const std::byte* in, float* out, size_t count) { bf16_to_f32(words(in, count), {out, count}); }

template <float (*convert)(uint8_t)>
void decode_f8(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = convert(static_cast<uint8_t>(in[i]));
}

void decode_bool(const std::byte* in, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = in[i] != std::byte{0} ? 1.0f : 0.0f;
}

}  // namespace

Decode decode_plain(DType type) {
  switch (type) {
    case DType::kF32:
      return decode_f32;
    case DType::kF16:
      return decode_f16;
    case DType::kBF16:
      return decode_bf16;
    case DType::kF64:
      return decode_numbers<double>;
    case DType::kF8E4M3:
      return decode_f8<f8e4m3_to_f32>;
    case DType::kF8E5M2:
      return decode_f8<f8e5m2_to_f32>;
    case DType::kI8:
      return decode_numbers<int8_t>;
    case DType::kI16:
      return decode_numbers<int16_t>;
    case DType::kI32:
      return decode_numbers<int32_t>;
    case DType::kI64:
      return decode_numbers<int64_t>;
    case DType::kU8:
      return decode_numbers<uint8_t>;
    case DType::kU16:
      return decode_numbers<uint16_t>;
    case DType::kU32:
      return decode_numbers<uint32_t>;
    case DType::kU64:
      return decode_numbers<uint64_t>;
    case DType::kBool:
      return decode_bool;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
