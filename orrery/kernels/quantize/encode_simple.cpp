// Blocks with one scale from floats. Without importance each follows ggml's reference byte for byte; with it, Q4 and Q5
// search (fit.h).
#include <cmath>

#include "orrery/kernels/quantize/blocks.h"
#include "orrery/kernels/quantize/codec.h"
#include "orrery/kernels/quantize/fit.h"
#include "orrery/kernels/quantize/fp4.h"
#include "orrery/kernels/quantize/tables.h"
#include "orrery/kernels/quantize/weights.h"

namespace orrery::kernels {
namespace {

// The first value of the largest magnitude.
float signed_largest(const float* x, int n) {
  float largest = 0;
  for (int i = 0; i < n; ++i) largest = std::fabs(x[i]) > std::fabs(largest) ? x[i] : largest;
  return largest;
}

float largest_magnitude(const float* x, int n) {
  float largest = 0;
  for (int i = 0; i < n; ++i) largest = std::fabs(x[i]) > largest ? std::fabs(x[i]) : largest;
  return largest;
}

// 0 where there is no finite inverse: a scale that small is 0 as a binary16 anyway.
float inverse_of(float scale) {
  const float inverse = 1 / scale;
  return std::isfinite(inverse) ? inverse : 0;
}

// To nearest, halves away from zero.
int8_t round_away(float value) {
  const float magnitude = std::fabs(value);
  const int whole = static_cast<int>(magnitude);
  const int rounded = whole + (magnitude - static_cast<float>(whole) >= 0.5f ? 1 : 0);
  return static_cast<int8_t>(value < 0 ? -rounded : rounded);
}

// floor(value + half) within 0 … levels, for a value that may be a little below 0.
uint8_t code_of(float value, float half, int levels) {
  const int code = static_cast<int>(value + half);
  return static_cast<uint8_t>(code < levels ? code : levels);
}

void pack_halves(const uint8_t* codes, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[16 + i] & 15) << 4);
}
uint32_t fifth_bits(const uint8_t* codes) {
  uint32_t bits = 0;
  for (int i = 0; i < 32; ++i) bits |= static_cast<uint32_t>(codes[i] >> 4 & 1) << i;
  return bits;
}

// x = d (q - middle), q < 2 middle. Q4_0: middle 8; Q5_0: 16.
template <int middle>
void encode_symmetric(const float* x, const float* importance, Scale16& d, uint8_t* codes) {
  if (importance == nullptr) {
    const float scale = signed_largest(x, 32) / -middle, inverse = inverse_of(scale);
    d = scale;
    for (int i = 0; i < 32; ++i) codes[i] = code_of(x[i] * inverse, middle + 0.5f, 2 * middle - 1);
    return;
  }
  float weights[32];
  importance_weights(x, importance, mean_square(x, 32), 32, weights);
  d = fit_scale({x, 32}, weights, {-(middle + 0.9f), 0.1f, 19}, -middle, middle - 1);
  const float scale = d;
  for (int i = 0; i < 32; ++i) {
    codes[i] = scale == 0 ? middle : static_cast<uint8_t>(round_within(x[i] / scale, -middle, middle - 1) + middle);
  }
}

// x = d q + m, q ≤ levels. Q4_1: 15; Q5_1: 31.
template <int levels>
void encode_affine(const float* x, const float* importance, Scale16& d, Scale16& m, uint8_t* codes) {
  if (importance == nullptr) {
    float low = x[0], high = x[0];
    for (int i = 1; i < 32; ++i) {
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
    }
    const float scale = (high - low) / levels, inverse = inverse_of(scale);
    d = scale;
    m = low;
    for (int i = 0; i < 32; ++i) codes[i] = code_of((x[i] - low) * inverse, 0.5f, levels);
    return;
  }
  float weights[32];
  importance_weights(x, importance, mean_square(x, 32), 32, weights);
  const Line fit = fit_line({x, 32}, weights, levels, {levels - 0.9f, 0.05f, 37});
  d = fit.scale;
  m = fit.min;
  const float scale = d, min = m;
  for (int i = 0; i < 32; ++i) {
    codes[i] = scale == 0 ? 0 : static_cast<uint8_t>(round_within((x[i] - min) / scale, 0, levels));
  }
}

void encode(const float* x, const float* importance, BlockQ4_0& block) {
  uint8_t codes[32];
  encode_symmetric<8>(x, importance, block.d, codes);
  pack_halves(codes, block.qs);
}

void encode(const float* x, const float* importance, BlockQ4_1& block) {
  uint8_t codes[32];
  encode_affine<15>(x, importance, block.d, block.m, codes);
  pack_halves(codes, block.qs);
}

void encode(const float* x, const float* importance, BlockQ5_0& block) {
  uint8_t codes[32];
  encode_symmetric<16>(x, importance, block.d, codes);
  pack_halves(codes, block.qs);
  block.qh = fifth_bits(codes);
}

void encode(const float* x, const float* importance, BlockQ5_1& block) {
  uint8_t codes[32];
  encode_affine<31>(x, importance, block.d, block.m, codes);
  pack_halves(codes, block.qs);
  block.qh = fifth_bits(codes);
}

void encode(const float* x, const float*, BlockQ8_0& block) {
  const float scale = largest_magnitude(x, 32) / 127, inverse = inverse_of(scale);
  block.d = scale;
  for (int i = 0; i < 32; ++i) block.qs[i] = round_away(x[i] * inverse);
}

void encode(const float* x, const float*, BlockQ8_1& block) {
  const float scale = largest_magnitude(x, 32) / 127, inverse = inverse_of(scale);
  block.d = scale;
  int sum = 0;
  for (int i = 0; i < 32; ++i) sum += block.qs[i] = round_away(x[i] * inverse);
  block.s = static_cast<float>(sum) * scale;
}

// d keeps float32; the sign of d is such that the largest magnitude becomes -127.
void encode(const float* x, const float*, BlockQ8_K& block) {
  const float largest = signed_largest(x, 256);
  const float inverse = largest == 0 ? 0 : -127 / largest;
  const bool usable = std::isfinite(inverse) && inverse != 0;
  block.d = usable ? 1 / inverse : 0;
  for (int i = 0; i < 256; ++i) {
    block.qs[i] = usable ? static_cast<int8_t>(round_within(inverse * x[i], -127, 127)) : int8_t{0};
  }
  for (int g = 0; g < 16; ++g) {
    int sum = 0;
    for (int i = 0; i < 16; ++i) sum += block.qs[16 * g + i];
    block.sums[g] = static_cast<int16_t>(sum);
  }
}

// The nearest of the sixteen levels, the smaller magnitude where two are as near.
uint8_t nearest_fp4(float value, float scale) {
  const float magnitude = std::fabs(value);
  int best = 0;
  float best_error = magnitude;
  for (int code = 1; code < 8; ++code) {
    const float error = std::fabs(scale * static_cast<float>(kFp4Levels[code]) - magnitude);
    best = error < best_error ? code : best;
    best_error = error < best_error ? error : best_error;
  }
  return static_cast<uint8_t>(best == 0 || value > 0 ? best : best + 8);
}

// The scale is the power of two under which the largest magnitude comes to lie in e2m1's last binade (MX 1.0,
// sec. 6.3).
void encode(const float* x, const float*, BlockMXFP4& block) {
  const float largest = largest_magnitude(x, 32);
  const float exponent = largest > 0 ? std::floor(std::log2(largest)) - 2 + 127 : 0;
  block.e = static_cast<uint8_t>(exponent > 0 ? exponent : 0);
  const float scale = e8m0_half_to_f32(block.e);
  for (int i = 0; i < 16; ++i) {
    block.qs[i] = static_cast<uint8_t>(nearest_fp4(x[i], scale) | nearest_fp4(x[16 + i], scale) << 4);
  }
}

void encode(const float* x, const float*, BlockNVFP4& block) {
  for (int g = 0; g < 4; ++g) {
    const float* values = x + 16 * g;
    block.d[g] = f32_to_ue4m3(largest_magnitude(values, 16) / 6);
    const float scale = ue4m3_half_to_f32(block.d[g]);
    for (int i = 0; i < 8; ++i) {
      block.qs[8 * g + i] =
          static_cast<uint8_t>(nearest_fp4(values[i], scale) | nearest_fp4(values[8 + i], scale) << 4);
    }
  }
}

// Digits of one byte, first digit first, as a fraction of 256 rounded up, so that decoding finds them again.
void pack_trits(const uint8_t* trits, int stride, int digits, uint8_t* bytes) {
  for (int i = 0; i < stride; ++i) {
    int number = 0;
    for (int n = 0; n < 5; ++n) number = number * 3 + (n < digits ? trits[n * stride + i] : 0);
    bytes[i] = static_cast<uint8_t>((number * 256 + 242) / 243);
  }
}

void trits_of(const float* x, Scale16& d, uint8_t* trits) {
  const float scale = largest_magnitude(x, 256), inverse = inverse_of(scale);
  d = scale;
  for (int i = 0; i < 256; ++i) trits[i] = static_cast<uint8_t>(round_away(x[i] * inverse) + 1);
}

void encode(const float* x, const float*, BlockTQ1_0& block) {
  uint8_t trits[256];
  trits_of(x, block.d, trits);
  pack_trits(trits, 32, 5, block.qs);
  pack_trits(trits + 160, 16, 5, block.qs + 32);
  pack_trits(trits + 240, 4, 4, block.qh);
}

void encode(const float* x, const float*, BlockTQ2_0& block) {
  uint8_t trits[256];
  trits_of(x, block.d, trits);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* from = trits + 128 * half;
    for (int i = 0; i < 32; ++i) {
      block.qs[32 * half + i] =
          static_cast<uint8_t>(from[i] | from[32 + i] << 2 | from[64 + i] << 4 | from[96 + i] << 6);
    }
  }
}

}  // namespace

Encode encode_simple(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return encode_one<BlockQ4_0, encode>;
    case DType::kQ4_1:
      return encode_one<BlockQ4_1, encode>;
    case DType::kQ5_0:
      return encode_one<BlockQ5_0, encode>;
    case DType::kQ5_1:
      return encode_one<BlockQ5_1, encode>;
    case DType::kQ8_0:
      return encode_one<BlockQ8_0, encode>;
    case DType::kQ8_1:
      return encode_one<BlockQ8_1, encode>;
    case DType::kQ8_K:
      return encode_one<BlockQ8_K, encode>;
    case DType::kMXFP4:
      return encode_one<BlockMXFP4, encode>;
    case DType::kNVFP4:
      return encode_one<BlockNVFP4, encode>;
    case DType::kTQ1_0:
      return encode_one<BlockTQ1_0, encode>;
    case DType::kTQ2_0:
      return encode_one<BlockTQ2_0, encode>;
    default:
      return nullptr;
  }
}

}  // namespace orrery::kernels
