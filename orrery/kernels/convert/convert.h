// Between float32 and the smaller floating-point formats.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace orrery::kernels {

/// IEEE 754 binary16, exact; a NaN keeps its payload and becomes quiet.
inline float f16_to_f32(uint16_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t magnitude = (bits & 0x7fffu) << 13;  // exponent and mantissa where a float32 has them, bias still 15
  const uint32_t normal = magnitude + (112u << 23);
  const uint32_t special = (magnitude | 255u << 23) | (magnitude > (31u << 23) ? 1u << 22 : 0u);
  // A denormal: put its mantissa below 2^-14 and take 2^-14 away again, which is exact.
  const float denormal = std::bit_cast<float>(magnitude + (113u << 23)) - std::bit_cast<float>(113u << 23);
  const uint32_t finite = magnitude < (1u << 23) ? std::bit_cast<uint32_t>(denormal) : normal;
  return std::bit_cast<float>(sign | (magnitude < (31u << 23) ? finite : special));
}

/// Nearest, ties to even, as hardware does it: beyond 65504 by half a step or more is infinity; a NaN stays a quiet
/// NaN.
uint16_t f32_to_f16(float value);

/// bfloat16: the upper half of a float32, exact.
inline float bf16_to_f32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/// Nearest, ties to even; a NaN keeps its upper payload bits and becomes quiet. Denormals are kept.
inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const uint32_t quiet = bits >> 16 | 0x40;
  return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

/// 8-bit floats (Micikevicius et al. 2022, "FP8 Formats for Deep Learning", table 1). e4m3 has no infinity: 0x7f and
/// 0xff are NaN and 448 is the largest. e5m2 is binary16's upper byte.
float f8e4m3_to_f32(uint8_t bits);
float f8e5m2_to_f32(uint8_t bits);

/// Nearest, ties to even, as PyTorch does it: what rounds beyond 448 is NaN in e4m3, beyond 57344 infinity in e5m2.
uint8_t f32_to_f8e4m3(float value);
uint8_t f32_to_f8e5m2(float value);

/// Bulk forms of the above, the same bit for bit on every instruction set. The sizes must be equal; the 16-bit side
/// may be unaligned.
void f16_to_f32(std::span<const uint16_t> in, std::span<float> out);
void f32_to_f16(std::span<const float> in, std::span<uint16_t> out);
void bf16_to_f32(std::span<const uint16_t> in, std::span<float> out);
void f32_to_bf16(std::span<const float> in, std::span<uint16_t> out);

}  // namespace orrery::kernels
