// K-quants: 256 elements in groups, x = (d scale) q - (dmin min), or x = (d scale) q with signed scales and codes.
// Reads 2.6 to 6.6 bits and writes 32 per element.
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/codes.h"

namespace orrery::kernels {
namespace {

template <class Block, int group>
void decode_affine(const Block& block, float* out) {
  uint8_t codes[256];
  unpack_codes(block, codes);
  const GroupScales scales = unpack_scales(block);
  const float d = block.d, dmin = block.dmin;
  for (int g = 0; g < 256 / group; ++g) {
    const float scale = d * static_cast<float>(scales.scale[g]), min = dmin * static_cast<float>(scales.min[g]);
    for (int i = 0; i < group; ++i) out[g * group + i] = scale * static_cast<float>(codes[g * group + i]) - min;
  }
}

template <class Block, int middle>
void decode_symmetric(const Block& block, float* out) {
  uint8_t codes[256];
  unpack_codes(block, codes);
  const SignedScales scales = unpack_scales(block);
  const float d = block.d;
  for (int g = 0; g < 16; ++g) {
    const float scale = d * static_cast<float>(scales.scale[g]);
    for (int i = 0; i < 16; ++i) out[g * 16 + i] = scale * static_cast<float>(codes[g * 16 + i] - middle);
  }
}

}  // namespace

Decode decode_k(DType type) {
  switch (type) {
    case DType::kQ2_K:
      return decode_each<BlockQ2_K, decode_affine<BlockQ2_K, 16>>;
    case DType::kQ3_K:
      return decode_each<BlockQ3_K, decode_symmetric<BlockQ3_K, 4>>;
    case DType::kQ4_K:
      return decode_each<BlockQ4_K, decode_affine<BlockQ4_K, 32>>;
    case DType::kQ5_K:
      return decode_each<BlockQ5_K, decode_affine<BlockQ5_K, 32>>;
    case DType::kQ6_K:
      return decode_each<BlockQ6_K, decode_symmetric<BlockQ6_K, 32>>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
