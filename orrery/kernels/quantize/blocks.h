// The bytes of GGUF's blocks (ggml-org/ggml, ggml-common; little-endian). Every struct has alignment 1: it lies on a
// file's bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "orrery/kernels/convert/convert.h"

namespace orrery::kernels {

/// A number at any alignment.
template <class T>
struct Packed {
  uint8_t bytes[sizeof(T)];
  operator T() const {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
  Packed& operator=(T value) {
    std::memcpy(bytes, &value, sizeof(T));
    return *this;
  }
};

/// A binary16 scale. Assigning saturates at ±65504, so that a block never holds an infinite scale of our making.
struct Scale16 {
  Packed<uint16_t> bits;
  operator float() const { return f16_to_f32(bits); }
  Scale16& operator=(float value) {
    const float bounded = value > 65504 ? 65504 : value < -65504 ? -65504 : value;
    bits = f32_to_f16(bounded);
    return *this;
  }
};

// x = d q, or d q + m. In a byte of `qs`, the lower half is an element of the block's first half, the upper one of its
// second.
// clang-format off
struct BlockQ4_0 { static constexpr int kElements = 32; Scale16 d; uint8_t qs[16]; };                    // q - 8
struct BlockQ4_1 { static constexpr int kElements = 32; Scale16 d, m; uint8_t qs[16]; };
struct BlockQ5_0 { static constexpr int kElements = 32; Scale16 d; Packed<uint32_t> qh; uint8_t qs[16]; };  // q - 16; qh: fifth bits
struct BlockQ5_1 { static constexpr int kElements = 32; Scale16 d, m; Packed<uint32_t> qh; uint8_t qs[16]; };
struct BlockQ8_0 { static constexpr int kElements = 32; Scale16 d; int8_t qs[32]; };
struct BlockQ8_1 { static constexpr int kElements = 32; Scale16 d, s; int8_t qs[32]; };                 // s = d sum(q)
struct BlockQ8_K { static constexpr int kElements = 256; Packed<float> d; int8_t qs[256]; Packed<int16_t> sums[16]; };  // of 16 q each
struct BlockIQ4_NL { static constexpr int kElements = 32; Scale16 d; uint8_t qs[16]; };                  // d level[q]
struct BlockMXFP4 { static constexpr int kElements = 32; uint8_t e; uint8_t qs[16]; };                   // 2^(e-128) level[q]
struct BlockNVFP4 { static constexpr int kElements = 64; uint8_t d[4]; uint8_t qs[32]; };                // d: e4m3 per 16 elements

// K-quants: 256 elements in groups of 16 or 32, each with its own small scale. x = d sc q - dmin m (2, 4, 5), or d sc q (3, 6).
struct BlockQ2_K { static constexpr int kElements = 256; uint8_t scales[16]; uint8_t qs[64]; Scale16 d, dmin; };
struct BlockQ3_K { static constexpr int kElements = 256; uint8_t qh[32]; uint8_t qs[64]; uint8_t scales[12]; Scale16 d; };
struct BlockQ4_K { static constexpr int kElements = 256; Scale16 d, dmin; uint8_t scales[12]; uint8_t qs[128]; };
struct BlockQ5_K { static constexpr int kElements = 256; Scale16 d, dmin; uint8_t scales[12]; uint8_t qh[32]; uint8_t qs[128]; };
struct BlockQ6_K { static constexpr int kElements = 256; uint8_t ql[128]; uint8_t qh[64]; int8_t scales[16]; Scale16 d; };

// Codebooks: an index names 4 or 8 levels at once (tables.h), signs and scales stand beside it.
struct BlockIQ1_S { static constexpr int kElements = 256; Scale16 d; uint8_t qs[32]; Packed<uint16_t> qh[8]; };
struct BlockIQ1_M { static constexpr int kElements = 256; uint8_t qs[32]; uint8_t qh[16]; Packed<uint16_t> scales[4]; };
struct BlockIQ2_XXS { static constexpr int kElements = 256; Scale16 d; struct { uint8_t index[4]; Packed<uint32_t> signs; } groups[8]; };
struct BlockIQ2_XS { static constexpr int kElements = 256; Scale16 d; Packed<uint16_t> qs[32]; uint8_t scales[8]; };
struct BlockIQ2_S { static constexpr int kElements = 256; Scale16 d; uint8_t qs[32], signs[32], qh[8], scales[8]; };
struct BlockIQ3_XXS { static constexpr int kElements = 256; Scale16 d; uint8_t qs[64]; Packed<uint32_t> signs[8]; };
struct BlockIQ3_S { static constexpr int kElements = 256; Scale16 d; uint8_t qs[64], qh[8], signs[32], scales[4]; };
struct BlockIQ4_XS { static constexpr int kElements = 256; Scale16 d; Packed<uint16_t> scales_high; uint8_t scales_low[4]; uint8_t qs[128]; };

// Three values, -d, 0 and d: five to a byte as base-3 fractions, or four to a byte.
struct BlockTQ1_0 { static constexpr int kElements = 256; uint8_t qs[48], qh[4]; Scale16 d; };
struct BlockTQ2_0 { static constexpr int kElements = 256; uint8_t qs[64]; Scale16 d; };

// Elements in the order of their bits, the lowest first: -d and d; d (q - 1), which is -d, 0, d and 2 d.
struct BlockQ1_0 { static constexpr int kElements = 128; Scale16 d; uint8_t qs[16]; };
struct BlockQ2_0 { static constexpr int kElements = 64; Scale16 d; uint8_t qs[16]; };
// clang-format on

}  // namespace orrery::kernels
