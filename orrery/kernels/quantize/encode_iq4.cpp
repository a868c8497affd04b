// IQ4_NL and IQ4_XS from floats: the scale search of fit.h over sixteen levels that are not evenly spaced.
#include "orrery/kernels/quantize/blocks.h"
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/fit.h"
#include "orrery/kernels/quantize/tables.h"
#include "orrery/kernels/quantize/weights.h"

namespace orrery::kernels {
namespace {

// How many of the fifteen midpoints between levels the value has reached: no branch, no look-up.
uint8_t nearest_code(float value) {
  int code = 0;
  for (int i = 0; i < 15; ++i) code += value >= 0.5f * static_cast<float>(kIq4Levels[i] + kIq4Levels[i + 1]) ? 1 : 0;
  return static_cast<uint8_t>(code);
}

// The best scale of 32 values, and the sum of their weights.
float fit_group(const float* x, const float* importance, float surrounding, float& weight_sum) {
  float weights[32];
  weight_sum = importance != nullptr ? importance_weights(x, importance, surrounding, 32, weights)
                                     : magnitude_weights(x, 32, weights);
  return fit_iq4_scale({x, 32}, weights);
}

void encode_run(const float* x, float scale, uint8_t* qs) {
  const float inverse = scale == 0 ? 0 : 1 / scale;
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<uint8_t>(nearest_code(inverse * x[i]) | nearest_code(inverse * x[16 + i]) << 4);
  }
}

void encode(const float* x, const float* importance, BlockIQ4_NL& block) {
  float weight_sum;
  block.d = fit_group(x, importance, 2 * mean_square(x, 32), weight_sum);
  encode_run(x, block.d, block.qs);
}

void encode(const float* x, const float* importance, BlockIQ4_XS& block) {
  const float surrounding = 2 * mean_square(x, 256);
  float scales[8], weight_sums[8];
  for (int g = 0; g < 8; ++g) {
    scales[g] =
        fit_group(x + 32 * g, importance != nullptr ? importance + 32 * g : nullptr, surrounding, weight_sums[g]);
  }
  block.d = fit_scale(scales, weight_sums, {-32.9f, 0.1f, 19}, -32, 31);
  const float d = block.d;
  uint32_t high = 0;
  std::memset(block.scales_low, 0, sizeof(block.scales_low));
  for (int g = 0; g < 8; ++g) {
    const int small = d == 0 ? 0 : static_cast<int>(round_within(scales[g] / d, -32, 31));
    encode_run(x + 32 * g, d * static_cast<float>(small), block.qs + 16 * g);
    block.scales_low[g / 2] |= static_cast<uint8_t>(((small + 32) & 15) << 4 * (g % 2));
    high |= static_cast<uint32_t>((small + 32) >> 4) << 2 * g;
  }
  block.scales_high = static_cast<uint16_t>(high);
}

}  // namespace

Encode encode_iq4(DType type) {
  switch (type) {
    case DType::kIQ4_NL:
      return encode_one<BlockIQ4_NL, encode>;
    case DType::kIQ4_XS:
      return encode_one<BlockIQ4_XS, encode>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
