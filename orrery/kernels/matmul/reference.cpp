// The specification of every tile kernel, in plain loops.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {
namespace {

// Scale d such that the largest magnitude becomes 127; ties round to even. A block below kTiny is zero: 127 / largest
// must be finite. Rounding to multiples of d costs d²/12 per column on average.
void quantize_row(const float* x, int64_t cols, const QuantizedRow& out) {
  const int64_t blocks = cols / kBlock;
  const auto largest_of = [&](int64_t block) {
    float largest = 0;
    for (int64_t i = 0; i < kBlock; ++i) largest = std::max(largest, std::fabs(x[block * kBlock + i]));
    return largest > kTiny ? largest : 0.0f;
  };
  float energy = 0;
  for (int64_t i = 0; i < cols; ++i) energy += x[i] * x[i];
  FineRule rule;
  for (int64_t block = 0; block < blocks; ++block) rule.add(largest_of(block) / 127.0f);
  const float limit = rule.limit(energy, blocks, out.squared);
  for (int64_t block = 0; block < blocks; ++block) {
    const float* from = x + block * kBlock;
    const float largest = largest_of(block);
    const float scale = largest / 127.0f, inverse = largest > 0 ? 127.0f / largest : 0.0f;
    const bool needs_fine = scale * scale > limit;
    int32_t sums[2] = {0, 0}, fine_sums[2] = {0, 0};
    for (int64_t i = 0; i < kBlock; ++i) {
      const float scaled = from[i] * inverse, rounded = std::nearbyint(scaled);
      const float fine = needs_fine ? std::clamp(std::nearbyint((scaled - rounded) * 256.0f), -127.0f, 127.0f) : 0.0f;
      out.quants[block * kBlock * out.stride + i] = static_cast<int8_t>(rounded);
      out.fine[block * kBlock * out.stride + i] = static_cast<int8_t>(fine);
      sums[i / 16] += static_cast<int32_t>(rounded);
      fine_sums[i / 16] += static_cast<int32_t>(fine);
    }
    const int64_t at = block * out.stride;
    const int32_t sum = sums[0] + sums[1], fine_sum = fine_sums[0] + fine_sums[1];
    out.scales[at] = scale;
    out.sums[at] = scale * (static_cast<float>(sum * 256 + fine_sum) / 256.0f);
    out.offsets[at] = -128 * sum;
    out.fine_offsets[at] = -128 * fine_sum;
    for (int half = 0; half < 2; ++half) {
      out.half_offsets[2 * at + half * out.stride] = -128 * sums[half];
      out.fine_half_offsets[2 * at + half * out.stride] = -128 * fine_sums[half];
    }
    if (needs_fine) std::atomic_ref(out.has_fine[block]).store(1, std::memory_order_relaxed);
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

// Σ of a block's (or half a block's) integer products, the unsigned weights' offset undone.
int32_t dot(const uint8_t* weights, const int8_t* x, int64_t first, int64_t last, int64_t r, int32_t offset) {
  int32_t sum = offset;
  for (int64_t i = first; i < last; ++i) sum += weights[i / 4 * 64 + 4 * r + i % 4] * x[i];
  return sum;
}

void open_tile(PackedKind kind, const OpenStrip& strip, int64_t cols, const RowGroup& x, float* tile) {
  const KindInfo& k = info(kind);
  const int64_t halves = k.bits == 6 ? 2 : 1, width = kBlock / halves;
  for (int64_t t = 0; t < x.size; ++t) {
    for (int64_t r = 0; r < kStripRows; ++r) {
      float sum = 0, mins = 0;
      for (int64_t block = 0; block < cols / kBlock; ++block) {
        const int64_t at = block * x.size + t;
        const uint8_t* weights = strip.quants + block * kBlock * kStripRows;
        for (int64_t half = 0; half < halves; ++half) {
          const int64_t first = half * width, part = (block * halves + half) * x.size + t;
          const auto offset = [&](const int32_t* whole, const int32_t* by_half) {
            return k.has_min ? 0 : halves == 2 ? by_half[part] : whole[part];
          };
          int32_t product =
              dot(weights, x.quants + at * kBlock, first, first + width, r, offset(x.offsets, x.half_offsets));
          float x_scale = x.scales[at];
          if (x.has_fine[block]) {
            const int32_t fine_offset = offset(x.fine_offsets, x.fine_half_offsets);
            product = product * 256 + dot(weights, x.fine + at * kBlock, first, first + width, r, fine_offset);
            x_scale *= 1.0f / 256;
          }
          sum = std::fma(static_cast<float>(product), strip.scales[(block * halves + half) * kStripRows + r] * x_scale,
                         sum);
        }
        if (k.has_min) mins = std::fma(strip.mins[block * kStripRows + r], x.sums[at], mins);
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

}  // namespace

const MatmulSet& matmul_reference() {
  static const MatmulSet set{quantize_row, float_tile, block_tile, open_strip, open_tile};
  return set;
}

}  // namespace orrery::kernels
