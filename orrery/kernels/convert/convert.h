// Between float32 and the smaller floating-point formats.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace orrery::kernels {

/// IEEE 754 binary16, exact; NaN payloads are kept and made quiet.
float f16_to_f32(uint16_t bits);
/// Nearest, ties to even, as hardware does it: beyond 65504 (by half a step or more) is infinity, below 2^-25 is zero,
/// NaN stays a quiet NaN.
uint16_t f32_to_f16(float value);

/// bfloat16: the upper half of a float32, exact.
inline float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
/// Nearest, ties to even. NaN keeps its upper payload bits and becomes quiet. Denormals are kept.
inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// OCP 8-bit floating point (OFP8 1.0): e4m3 in the "fn" form (no infinity, 0x7f and 0xff are NaN, largest 448), and
/// e5m2 (as binary16's upper byte, infinities and all).
float f8e4m3_to_f32(uint8_t bits);
float f8e5m2_to_f32(uint8_t bits);
/// Nearest, ties to even. e4m3 has no infinity: what rounds beyond 448 becomes NaN, as in PyTorch; e5m2's becomes
/// infinity.
uint8_t f32_to_f8e4m3(float value);
uint8_t f32_to_f8e5m2(float value);

/// Bulk forms of the above, the same bit for bit. Sizes must be equal (asserted). Any alignment.
void f16_to_f32(std::span<const uint16_t> in, std::span<float> out);
void f32_to_f16(std::span<const float> in, std::span<uint16_t> out);
void bf16_to_f32(std::span<const uint16_t> in, std::span<float> out);
void f32_to_bf16(std::span<const float> in, std::span<uint16_t> out);

}  // namespace orrery::kernels
