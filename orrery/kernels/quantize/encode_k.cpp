// K-quants from floats: groups are fitted one by one (fit.h), then their scales are fitted to the block's, then the
// codes are taken anew from the scales as stored. About 20 tries of 4 operations per element.
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/codes.h"
#include "orrery/kernels/quantize/fit.h"
#include "orrery/kernels/quantize/weights.h"

namespace orrery::kernels {
namespace {

// The block's scale for its groups' scales (none negative), as codes 0 … levels.
template <int groups>
void store_scales(const float* scales, const float* weights, float levels, Scale16& d, uint8_t* codes) {
  d = fit_scale({scales, groups}, weights, {levels - 0.4f, 0.1f, 9}, 0, levels);
  const float unit = d;
  for (int g = 0; g < groups; ++g) {
    codes[g] = unit == 0 ? 0 : static_cast<uint8_t>(round_within(scales[g] / unit, 0, levels));
  }
}

// The best scale for the codes that `scale` gives, now that the minimum is known as it is stored.
template <int group>
float refit(const float* x, const float* weights, float min, float scale, float levels) {
  if (scale == 0) return 0;
  float xl = 0, ll = 0;
  for (int i = 0; i < group; ++i) {
    const float code = round_within((x[i] + min) / scale, 0, levels);
    xl += weights[i] * code * (x[i] + min);
    ll += weights[i] * code * code;
  }
  return xl > 0 && ll > 0 ? xl / ll : scale;
}

template <class Block, int group, int levels, int scale_levels>
void encode_affine(const float* x, const float* importance, Block& block) {
  constexpr int kGroups = 256 / group;
  // With importance the search is finer, since the weights then mean something.
  const Tries tries = importance != nullptr ? Tries{levels - 0.9f, 0.05f, 37}
                      : levels == 15        ? Tries{levels - 1.0f, 0.1f, 21}
                                            : Tries{levels - 0.5f, 0.1f, 16};
  const float block_square = 2 * mean_square(x, 256);
  float scales[kGroups], mins[kGroups], weight_sums[kGroups], all_weights[256];
  for (int g = 0; g < kGroups; ++g) {
    const float* values = x + g * group;
    float* weights = all_weights + g * group;
    if (importance != nullptr) {
      weight_sums[g] = importance_weights(values, importance + g * group, block_square, group, weights);
    } else {
      weight_sums[g] = magnitude_weights(values, group, weights);
    }
    const Line fit = fit_line({values, group}, weights, levels, tries);
    scales[g] = fit.scale;
    mins[g] = -fit.min;
  }
  GroupScales stored = {};
  store_scales<kGroups>(mins, weight_sums, scale_levels, block.dmin, stored.min);
  for (int g = 0; g < kGroups; ++g) {
    scales[g] = refit<group>(x + g * group, all_weights + g * group, block.dmin * stored.min[g], scales[g], levels);
  }
  store_scales<kGroups>(scales, weight_sums, scale_levels, block.d, stored.scale);
  pack_scales(stored, block);
  const float d = block.d, dmin = block.dmin;
  uint8_t codes[256];
  for (int g = 0; g < kGroups; ++g) {
    const float scale = d * stored.scale[g], min = dmin * stored.min[g];
    for (int i = 0; i < group; ++i) {
      codes[g * group + i] =
          scale == 0 ? 0 : static_cast<uint8_t>(round_within((x[g * group + i] + min) / scale, 0, levels));
    }
  }
  pack_codes(codes, block);
}

// Codes -middle … middle - 1, small scales -scale_middle … scale_middle - 1.
template <class Block, int middle, int scale_middle>
void encode_symmetric(const float* x, const float* importance, Block& block) {
  const float block_square = 2 * mean_square(x, 256);
  float scales[16], weight_sums[16];
  for (int g = 0; g < 16; ++g) {
    float weights[16];
    if (importance != nullptr) {
      weight_sums[g] = importance_weights(x + 16 * g, importance + 16 * g, block_square, 16, weights);
    } else {
      weight_sums[g] = magnitude_weights(x + 16 * g, 16, weights);
    }
    scales[g] = fit_scale({x + 16 * g, 16}, weights, {-(middle + 0.9f), 0.1f, 19}, -middle, middle - 1);
  }
  block.d = fit_scale(scales, weight_sums, {-(scale_middle + 0.9f), 0.1f, 19}, -scale_middle, scale_middle - 1);
  const float d = block.d;
  SignedScales stored = {};
  uint8_t codes[256];
  for (int g = 0; g < 16; ++g) {
    stored.scale[g] = d == 0 ? 0 : static_cast<int8_t>(round_within(scales[g] / d, -scale_middle, scale_middle - 1));
    const float scale = d * stored.scale[g];
    for (int i = 0; i < 16; ++i) {
      const float code = scale == 0 ? 0 : round_within(x[16 * g + i] / scale, -middle, middle - 1);
      codes[16 * g + i] = static_cast<uint8_t>(code + middle);
    }
  }
  pack_scales(stored, block);
  pack_codes(codes, block);
}

}  // namespace

Encode encode_k(DType type) {
  switch (type) {
    case DType::kQ2_K:
      return encode_one<BlockQ2_K, encode_affine<BlockQ2_K, 16, 3, 15>>;
    case DType::kQ3_K:
      return encode_one<BlockQ3_K, encode_symmetric<BlockQ3_K, 4, 32>>;
    case DType::kQ4_K:
      return encode_one<BlockQ4_K, encode_affine<BlockQ4_K, 32, 15, 63>>;
    case DType::kQ5_K:
      return encode_one<BlockQ5_K, encode_affine<BlockQ5_K, 32, 31, 63>>;
    case DType::kQ6_K:
      return encode_one<BlockQ6_K, encode_symmetric<BlockQ6_K, 32, 128>>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
