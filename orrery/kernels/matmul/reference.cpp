// The specification of every tile kernel, in plain loops.
#include <algorithm>
#include <cmath>
#include <vector>

#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {
namespace {

// Scale d such that the largest magnitude becomes 127; ties round to even. A block below kTiny is zero: 127 / largest
// must be finite.
void quantize_row(const float* x, int64_t cols, const QuantizedRow& out) {
  for (int64_t block = 0; block < cols / kBlock; ++block) {
    const float* from = x + block * kBlock;
    float largest = 0;
    for (int64_t i = 0; i < kBlock; ++i) largest = std::max(largest, std::fabs(from[i]));
    const float scale = largest > kTiny ? largest / 127.0f : 0.0f, inverse = largest > kTiny ? 127.0f / largest : 0.0f;
    int32_t halves[2] = {0, 0};
    for (int64_t i = 0; i < kBlock; ++i) {
      const auto q = static_cast<int8_t>(std::nearbyint(from[i] * inverse));
      out.quants[block * kBlock * out.stride + i] = q;
      halves[i / 16] += q;
    }
    out.scales[block * out.stride] = scale;
    out.sums[block * out.stride] = scale * static_cast<float>(halves[0] + halves[1]);
    out.offsets[block * out.stride] = -128 * (halves[0] + halves[1]);
    out.half_offsets[2 * block * out.stride] = -128 * halves[0];
    out.half_offsets[(2 * block + 1) * out.stride] = -128 * halves[1];
  }
}

PackedMatrix one_strip(PackedKind kind, const std::byte* strip, int64_t cols) {
  return {.kind = kind, .rows = kStripRows, .cols = cols, .data = strip};
}

void float_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  std::vector<float> row(cols);
  for (int64_t r = 0; r < kStripRows; ++r) {
    unpack_row(one_strip(kind, strip, cols), r, row);
    for (int64_t t = 0; t < x.size; ++t) {
      float sum = 0;
      for (int64_t k = 0; k < cols; ++k) sum = std::fma(row[k], x.values[k * x.size + t], sum);
      tile[t * kStripRows + r] = sum;
    }
  }
}

void open_strip(PackedKind kind, const std::byte* strip, int64_t cols, const OpenStrip& out) {
  const KindInfo& k = info(kind);
  const int64_t halves = k.bits == 6 ? 2 : 1;
  for (int64_t block = 0; block < cols / kBlock; ++block) {
    for (int64_t r = 0; r < kStripRows; ++r) {
      const BlockScales scales = block_scales(kind, strip, block, r);
      for (int64_t half = 0; half < halves; ++half)
        out.scales[(block * halves + half) * kStripRows + r] = scales.scale[half];
      if (k.has_min) out.mins[block * kStripRows + r] = scales.min;
      for (int64_t col = 0; col < kBlock; ++col) {
        const int q = block_quant(kind, strip, block, r, col) + (k.has_min ? 0 : 128 - k.offset);
        out.quants[(block * 8 + col / 4) * 64 + 4 * r + col % 4] = static_cast<uint8_t>(q);
      }
    }
  }
}

void open_tile(PackedKind kind, const OpenStrip& strip, int64_t cols, const RowGroup& x, float* tile) {
  const KindInfo& k = info(kind);
  const int64_t halves = k.bits == 6 ? 2 : 1;
  for (int64_t t = 0; t < x.size; ++t) {
    for (int64_t r = 0; r < kStripRows; ++r) {
      float sum = 0, mins = 0;
      for (int64_t block = 0; block < cols / kBlock; ++block) {
        for (int64_t half = 0; half < halves; ++half) {
          int32_t dot = k.has_min     ? 0
                        : halves == 2 ? x.half_offsets[(2 * block + half) * x.size + t]
                                      : x.offsets[block * x.size + t];
          for (int64_t i = half * 16; i < (halves == 2 ? half * 16 + 16 : kBlock); ++i) {
            dot += strip.quants[(block * 8 + i / 4) * 64 + 4 * r + i % 4] * x.quants[(block * x.size + t) * kBlock + i];
          }
          const float scale = strip.scales[(block * halves + half) * kStripRows + r] * x.scales[block * x.size + t];
          sum = std::fma(static_cast<float>(dot), scale, sum);
        }
        if (k.has_min) mins = std::fma(strip.mins[block * kStripRows + r], x.sums[block * x.size + t], mins);
      }
      tile[t * kStripRows + r] = sum + mins;
    }
  }
}

void block_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  std::vector<uint8_t> quants(cols * kStripRows);
  std::vector<float> scales(cols / 16 * kStripRows), mins(cols / kBlock * kStripRows);
  const OpenStrip opened{.quants = quants.data(), .scales = scales.data(), .mins = mins.data()};
  open_strip(kind, strip, cols, opened);
  open_tile(kind, opened, cols, x, tile);
}

void swiglu16(const float* gate, const float* up, float* out) {
  for (int i = 0; i < 16; ++i) out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

}  // namespace

const MatmulSet& matmul_reference() {
  static const MatmulSet set{quantize_row, float_tile, block_tile, open_strip, open_tile, swiglu16};
  return set;
}

}  // namespace orrery::kernels
