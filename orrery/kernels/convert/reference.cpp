#include <array>
#include <cassert>
#include <cstring>

#include "orrery/kernels/convert/bulk.h"
#include "orrery/kernels/convert/convert.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

// The magnitude's bits in a format of `mantissa` bits and that exponent bias, to nearest even. Exponents are unlimited
// above: the caller handles overflow. Below the format's normals, adding a float whose last bit weighs one denormal
// step does the rounding.
template <int mantissa, int bias>
uint32_t round_magnitude(uint32_t bits) {
  constexpr int kShift = 23 - mantissa;
  constexpr uint32_t kSmallestNormal = uint32_t{128 - bias} << 23;
  constexpr uint32_t kStep = uint32_t{127 + 24 - bias - mantissa} << 23;
  const uint32_t denormal = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + std::bit_cast<float>(kStep)) - kStep;
  const uint32_t rebased = bits - (uint32_t{127 - bias} << 23);
  const uint32_t normal = (rebased + (1u << (kShift - 1)) - 1 + (bits >> kShift & 1)) >> kShift;
  return bits < kSmallestNormal ? denormal : normal;
}

constexpr uint32_t kInfinity = 255u << 23;

constexpr std::array<float, 256> kF8E4M3 = [] {
  std::array<float, 256> value = {};
  for (uint32_t bits = 0; bits < 256; ++bits) {
    const uint32_t exponent = bits >> 3 & 15, mantissa = bits & 7;
    float magnitude = exponent == 0 ? static_cast<float>(mantissa) / 512
                                    : std::bit_cast<float>((exponent + 120) << 23 | mantissa << 20);
    if ((bits & 127) == 127) magnitude = std::bit_cast<float>(kInfinity | 1u << 22);
    value[bits] = std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | (bits & 128) << 24);
  }
  return value;
}();

// The 16-bit side lies where a file put it, aligned or not.
uint16_t load(const void* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
void store(uint16_t value, void* to) { std::memcpy(to, &value, sizeof(value)); }

}  // namespace

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
  const uint32_t rounded = round_magnitude<10, 15>(magnitude);
  const uint32_t finite = rounded < 0x7c00 ? rounded : 0x7c00;
  return static_cast<uint16_t>(bits >> 16 & 0x8000) | static_cast<uint16_t>(magnitude > kInfinity ? nan : finite);
}

float f8e4m3_to_f32(uint8_t bits) { return kF8E4M3[bits]; }
float f8e5m2_to_f32(uint8_t bits) { return f16_to_f32(static_cast<uint16_t>(bits << 8)); }

uint8_t f32_to_f8e4m3(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  const uint32_t rounded = round_magnitude<3, 7>(magnitude);
  return static_cast<uint8_t>((bits >> 24 & 0x80) | (rounded < 0x7f ? rounded : 0x7f));
}

uint8_t f32_to_f8e5m2(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  const uint32_t rounded = round_magnitude<2, 15>(magnitude);
  const uint32_t finite = rounded < 0x7c ? rounded : 0x7c;
  return static_cast<uint8_t>((bits >> 24 & 0x80) | (magnitude > kInfinity ? 0x7f : finite));
}

void f16_to_f32(std::span<const uint16_t> in, std::span<float> out) {
  assert(in.size() == out.size());
#if defined(__x86_64__)
  if (isa() >= Isa::kAvx2) return avx2::f16_to_f32(in.data(), out.data(), in.size());
#elif defined(__aarch64__)
  if (isa() == Isa::kNeon) return neon::f16_to_f32(in.data(), out.data(), in.size());
#endif
  for (size_t i = 0; i < in.size(); ++i) out[i] = f16_to_f32(load(in.data() + i));
}

void f32_to_f16(std::span<const float> in, std::span<uint16_t> out) {
  assert(in.size() == out.size());
#if defined(__x86_64__)
  if (isa() >= Isa::kAvx2) return avx2::f32_to_f16(in.data(), out.data(), in.size());
#elif defined(__aarch64__)
  if (isa() == Isa::kNeon) return neon::f32_to_f16(in.data(), out.data(), in.size());
#endif
  for (size_t i = 0; i < in.size(); ++i) store(f32_to_f16(in[i]), out.data() + i);
}

void bf16_to_f32(std::span<const uint16_t> in, std::span<float> out) {
  assert(in.size() == out.size());
  for (size_t i = 0; i < in.size(); ++i) out[i] = bf16_to_f32(load(in.data() + i));
}

void f32_to_bf16(std::span<const float> in, std::span<uint16_t> out) {
  assert(in.size() == out.size());
  for (size_t i = 0; i < in.size(); ++i) store(f32_to_bf16(in[i]), out.data() + i);
}

}  // namespace orrery::kernels
