// The scales of MXFP4 and NVFP4. Both are halved here, since kFp4Levels holds doubled values.
#pragma once

#include <bit>
#include <cstdint>

namespace orrery::kernels {

/// 2^(bits - 128); the two smallest are denormal.
inline float e8m0_half_to_f32(uint8_t bits) {
  return std::bit_cast<float>(bits < 2 ? 0x00200000u << bits : static_cast<uint32_t>(bits - 1) << 23);
}

/// Half an e4m3 number without regard to its sign bit; 0x7f (NaN elsewhere) is 0.
inline float ue4m3_half_to_f32(uint8_t bits) {
  if (bits == 0x7f) return 0;
  const uint32_t exponent = bits >> 3 & 15, mantissa = bits & 7;
  if (exponent == 0) return static_cast<float>(mantissa) / 1024;
  return std::bit_cast<float>((exponent + 119) << 23 | mantissa << 20);
}

/// The nearest e4m3 of a number that is not negative, halves upward; beyond 448, 448 (0x7e).
inline uint8_t f32_to_ue4m3(float value) {
  if (!(value > 0)) return 0;
  if (value >= 448) return 0x7e;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (bits >> 23 <= 120) {  // below 2^-6: denormal, and never rounded up to the smallest normal
    const int mantissa = static_cast<int>(value * 512 + 0.5f);
    return static_cast<uint8_t>(mantissa < 7 ? mantissa : 7);
  }
  const uint32_t rounded = (bits - (120u << 23) + (1u << 19)) >> 20;
  return static_cast<uint8_t>(rounded < 0x7e ? rounded : 0x7e);
}

}  // namespace orrery::kernels
