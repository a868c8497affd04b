// IQ types: codebooks. An index names a row of 4 or 8 levels (tables.h); a sign per element and small scales stand
// beside it. Reads 1.6 to 4.5 bits and writes 32 per element. The products are taken in the order in which the `gguf`
// package takes them.
#include <bit>

#include "orrery/kernels/quantize/blocks.h"
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/tables.h"

namespace orrery::kernels {
namespace {

// Seven signs are stored; the eighth makes the number of minus signs even.
uint32_t signs_of_seven(uint32_t seven) {
  seven &= 127;
  return seven | static_cast<uint32_t>(std::popcount(seven) & 1) << 7;
}

// scale × a row's levels, negated where `signs` has a bit. Row: uint64_t for eight levels, uint32_t for four.
template <class Row>
void signed_row(float scale, Row row, uint32_t signs, float* out) {
  for (size_t i = 0; i < sizeof(Row); ++i) {
    const float value = scale * static_cast<float>(row >> 8 * i & 255);
    out[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ (signs >> i & 1) << 31);
  }
}

// IQ1: scale × (level + delta), levels -1, 0 and 1.
void shifted_row(float scale, uint64_t row, float delta, float* out) {
  for (int i = 0; i < 8; ++i) out[i] = scale * (static_cast<float>(static_cast<int8_t>(row >> 8 * i & 255)) + delta);
}
constexpr float kIq1Delta = 0.125f;

int nibble(const uint8_t* bytes, int i) { return bytes[i / 2] >> (4 * (i % 2)) & 15; }

void decode(const BlockIQ2_XXS& block, float* out) {
  const float d = block.d;
  for (int g = 0; g < 8; ++g) {
    const uint32_t signs = block.groups[g].signs;
    const float scale = d * (0.5f + static_cast<float>(signs >> 28)) * 0.25f;
    for (int k = 0; k < 4; ++k) {
      signed_row(scale, kIq2XxsGrid[block.groups[g].index[k]], signs_of_seven(signs >> 7 * k), out + 32 * g + 8 * k);
    }
  }
}

void decode(const BlockIQ2_XS& block, float* out) {
  const float d = block.d;
  for (int k = 0; k < 32; ++k) {
    const float scale = d * (0.5f + static_cast<float>(nibble(block.scales, k / 2))) * 0.25f;
    const uint32_t code = block.qs[k];
    signed_row(scale, kIq2XsGrid[code & 511], signs_of_seven(code >> 9), out + 8 * k);
  }
}

void decode(const BlockIQ2_S& block, float* out) {
  const float d = block.d;
  for (int k = 0; k < 32; ++k) {
    const float scale = d * (0.5f + static_cast<float>(nibble(block.scales, k / 2))) * 0.25f;
    const uint32_t index = block.qs[k] | (block.qh[k / 4] >> 2 * (k % 4) & 3u) << 8;
    signed_row(scale, kIq2SGrid[index], block.signs[k], out + 8 * k);
  }
}

void decode(const BlockIQ3_XXS& block, float* out) {
  const float d = block.d;
  for (int g = 0; g < 8; ++g) {
    const uint32_t signs = block.signs[g];
    const float scale = d * (0.5f + static_cast<float>(signs >> 28)) * 0.5f;
    for (int k = 0; k < 4; ++k) {
      const uint32_t eight = signs_of_seven(signs >> 7 * k);
      signed_row(scale, kIq3XxsGrid[block.qs[8 * g + 2 * k]], eight, out + 32 * g + 8 * k);
      signed_row(scale, kIq3XxsGrid[block.qs[8 * g + 2 * k + 1]], eight >> 4, out + 32 * g + 8 * k + 4);
    }
  }
}

void decode(const BlockIQ3_S& block, float* out) {
  const float d = block.d;
  for (int k = 0; k < 64; ++k) {
    const float scale = d * static_cast<float>(1 + 2 * nibble(block.scales, k / 8));
    const uint32_t index = block.qs[k] | (block.qh[k / 8] >> (k % 8) & 1u) << 8;
    signed_row(scale, kIq3SGrid[index], static_cast<uint32_t>(block.signs[k / 2] >> 4 * (k % 2)), out + 4 * k);
  }
}

void decode(const BlockIQ1_S& block, float* out) {
  const float d = block.d;
  for (int g = 0; g < 8; ++g) {
    const uint32_t high = block.qh[g];
    const float scale = d * static_cast<float>(2 * (high >> 12 & 7) + 1);
    const float delta = high & 0x8000 ? -kIq1Delta : kIq1Delta;
    for (int k = 0; k < 4; ++k) {
      const uint32_t index = block.qs[4 * g + k] | (high >> 3 * k & 7) << 8;
      shifted_row(scale, kIq1Grid[index], delta, out + 32 * g + 8 * k);
    }
  }
}

void decode(const BlockIQ1_M& block, float* out) {
  uint32_t d_bits = 0;  // a binary16 scale, four bits on top of each of the four words of small scales
  for (int i = 0; i < 4; ++i) d_bits |= static_cast<uint32_t>(block.scales[i] >> 12) << 4 * i;
  const float d = f16_to_f32(static_cast<uint16_t>(d_bits));
  for (int k = 0; k < 32; ++k) {
    const int small = block.scales[k / 8] >> 3 * (k / 2 % 4) & 7;
    const uint32_t high = static_cast<uint32_t>(nibble(block.qh, k));
    const uint32_t index = block.qs[k] | (high & 7) << 8;
    shifted_row(d * static_cast<float>(2 * small + 1), kIq1Grid[index], high & 8 ? -kIq1Delta : kIq1Delta, out + 8 * k);
  }
}

void decode_iq4_run(const uint8_t* bytes, float scale, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(kIq4Levels[bytes[i] & 15]);
    out[16 + i] = scale * static_cast<float>(kIq4Levels[bytes[i] >> 4]);
  }
}

void decode(const BlockIQ4_NL& block, float* out) { decode_iq4_run(block.qs, block.d, out); }

void decode(const BlockIQ4_XS& block, float* out) {
  const float d = block.d;
  for (int g = 0; g < 8; ++g) {
    const int small = nibble(block.scales_low, g) | (block.scales_high >> 2 * g & 3) << 4;
    decode_iq4_run(block.qs + 16 * g, d * static_cast<float>(small - 32), out + 32 * g);
  }
}

}  // namespace

Decode decode_iq(DType type) {
  switch (type) {
    case DType::kIQ1_S:
      return decode_each<BlockIQ1_S, decode>;
    case DType::kIQ1_M:
      return decode_each<BlockIQ1_M, decode>;
    case DType::kIQ2_XXS:
      return decode_each<BlockIQ2_XXS, decode>;
    case DType::kIQ2_XS:
      return decode_each<BlockIQ2_XS, decode>;
    case DType::kIQ2_S:
      return decode_each<BlockIQ2_S, decode>;
    case DType::kIQ3_XXS:
      return decode_each<BlockIQ3_XXS, decode>;
    case DType::kIQ3_S:
      return decode_each<BlockIQ3_S, decode>;
    case DType::kIQ4_NL:
      return decode_each<BlockIQ4_NL, decode>;
    case DType::kIQ4_XS:
      return decode_each<BlockIQ4_XS, decode>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
