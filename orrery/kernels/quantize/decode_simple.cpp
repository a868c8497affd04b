// Blocks with one scale (NVFP4: four), each value a code times it. Reads 1.1 to 9 bits and writes 32 per element.
#include <bit>

#include "orrery/kernels/quantize/blocks.h"
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/fp4.h"
#include "orrery/kernels/quantize/tables.h"

namespace orrery::kernels {
namespace {

void decode(const BlockQ4_0& block, float* out) {
  const float d = block.d;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block.qs[i] & 15) - 8);
    out[16 + i] = d * static_cast<float>((block.qs[i] >> 4) - 8);
  }
}

void decode(const BlockQ4_1& block, float* out) {
  const float d = block.d, m = block.m;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(block.qs[i] & 15) + m;
    out[16 + i] = d * static_cast<float>(block.qs[i] >> 4) + m;
  }
}

void decode(const BlockQ5_0& block, float* out) {
  const float d = block.d;
  const uint32_t high = block.qh;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(static_cast<int>((block.qs[i] & 15) | (high >> i & 1) << 4) - 16);
    out[16 + i] = d * static_cast<float>(static_cast<int>(block.qs[i] >> 4 | (high >> (16 + i) & 1) << 4) - 16);
  }
}

void decode(const BlockQ5_1& block, float* out) {
  const float d = block.d, m = block.m;
  const uint32_t high = block.qh;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(static_cast<int>((block.qs[i] & 15) | (high >> i & 1) << 4)) + m;
    out[16 + i] = d * static_cast<float>(static_cast<int>(block.qs[i] >> 4 | (high >> (16 + i) & 1) << 4)) + m;
  }
}

template <class Block>
void decode_bytes(const Block& block, float* out) {
  const float d = block.d;
  for (int i = 0; i < Block::kElements; ++i) out[i] = d * static_cast<float>(block.qs[i]);
}

void decode(const BlockMXFP4& block, float* out) {
  const float d = e8m0_half_to_f32(block.e);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kFp4Levels[block.qs[i] & 15]);
    out[16 + i] = d * static_cast<float>(kFp4Levels[block.qs[i] >> 4]);
  }
}

void decode(const BlockNVFP4& block, float* out) {
  for (int group = 0; group < 4; ++group) {
    const float d = ue4m3_half_to_f32(block.d[group]);
    for (int i = 0; i < 8; ++i) {
      const uint8_t byte = block.qs[8 * group + i];
      out[16 * group + i] = d * static_cast<float>(kFp4Levels[byte & 15]);
      out[16 * group + 8 + i] = d * static_cast<float>(kFp4Levels[byte >> 4]);
    }
  }
}

// A byte is a fraction of 256 whose base-3 digits are the values; multiplying by 3^n (and dropping what overflows)
// brings digit n to the front. `stride` bytes hold digits for `digits` runs of `stride` elements.
void decode_trits(const uint8_t* bytes, int stride, int digits, float d, float* out) {
  uint8_t power = 1;
  for (int n = 0; n < digits; ++n, power = static_cast<uint8_t>(power * 3)) {
    for (int i = 0; i < stride; ++i) {
      const uint8_t fraction = static_cast<uint8_t>(bytes[i] * power);
      out[n * stride + i] = d * static_cast<float>((fraction * 3 >> 8) - 1);
    }
  }
}

void decode(const BlockTQ1_0& block, float* out) {
  const float d = block.d;
  decode_trits(block.qs, 32, 5, d, out);
  decode_trits(block.qs + 32, 16, 5, d, out + 160);
  decode_trits(block.qh, 4, 4, d, out + 240);
}

void decode(const BlockTQ2_0& block, float* out) {
  const float d = block.d;
  for (int half = 0; half < 2; ++half) {
    for (int s = 0; s < 4; ++s) {
      for (int i = 0; i < 32; ++i) {
        out[128 * half + 32 * s + i] = d * static_cast<float>((block.qs[32 * half + i] >> (2 * s) & 3) - 1);
      }
    }
  }
}

void decode(const BlockQ1_0& block, float* out) {
  const float d = block.d;
  for (int i = 0; i < BlockQ1_0::kElements; ++i) out[i] = block.qs[i / 8] >> (i % 8) & 1 ? d : -d;
}

void decode(const BlockQ2_0& block, float* out) {
  const float d = block.d;
  for (int i = 0; i < BlockQ2_0::kElements; ++i)
    out[i] = d * static_cast<float>((block.qs[i / 4] >> (2 * (i % 4)) & 3) - 1);
}

}  // namespace

Decode decode_simple(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return decode_each<BlockQ4_0, decode>;
    case DType::kQ4_1:
      return decode_each<BlockQ4_1, decode>;
    case DType::kQ5_0:
      return decode_each<BlockQ5_0, decode>;
    case DType::kQ5_1:
      return decode_each<BlockQ5_1, decode>;
    case DType::kQ8_0:
      return decode_each<BlockQ8_0, decode_bytes>;
    case DType::kQ8_1:
      return decode_each<BlockQ8_1, decode_bytes>;
    case DType::kQ8_K:
      return decode_each<BlockQ8_K, decode_bytes>;
    case DType::kMXFP4:
      return decode_each<BlockMXFP4, decode>;
    case DType::kNVFP4:
      return decode_each<BlockNVFP4, decode>;
    case DType::kTQ1_0:
      return decode_each<BlockTQ1_0, decode>;
    case DType::kTQ2_0:
      return decode_each<BlockTQ2_0, decode>;
    case DType::kQ1_0:
      return decode_each<BlockQ1_0, decode>;
    case DType::kQ2_0:
      return decode_each<BlockQ2_0, decode>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
