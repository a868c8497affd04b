// What each instruction set implements for matmul; private to this folder.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "orrery/kernels/matmul/matmul.h"
#include "orrery/kernels/matmul/packed_matrix.h"
#include "orrery/kernels/matmul/packed_rows.h"

namespace orrery::kernels {

/// Blocks of activations no larger than this are taken as zero.
inline constexpr float kTiny = 1e-30f;

/// Which blocks of a row are refined (packed_rows.h), from the scales of them all.
class FineRule {
 public:
  void add(float scale) {
    if (scale == 0) return;
    bits_ += std::bit_cast<int32_t>(scale);
    ++count_;
  }
  /// A scale whose square is larger wants a second plane. energy: of the row, in `blocks` blocks. A positive float's
  /// bits are its logarithm to within 6 %, so their mean is that of a geometric mean.
  float limit(float energy, int64_t blocks, bool squared) const {
    const float share = kFineShare * energy / static_cast<float>(blocks) * (12.0f / kBlock);
    if (!squared || count_ == 0) return share;
    const float outlier = kFineOutlier * std::bit_cast<float>(static_cast<int32_t>(bits_ / count_));
    return std::max(share, outlier * outlier);
  }

 private:
  int64_t bits_ = 0, count_ = 0;
};

/// Where one row of a group goes (see PackedRows): block b of an array with n values per block lies at b·n·stride.
struct QuantizedRow {
  int64_t stride = 1;  ///< rows of the group
  bool squared = false;
  int8_t* quants = nullptr;
  float* scales = nullptr;
  float* sums = nullptr;
  int32_t* offsets = nullptr;
  int32_t* half_offsets = nullptr;
  int8_t* fine = nullptr;
  int32_t* fine_offsets = nullptr;
  int32_t* fine_half_offsets = nullptr;
  uint8_t* has_fine = nullptr;  ///< [blocks], set where this row needs it, else left alone
};

/// A strip of a block kind taken apart, for use on many tokens: u8 quants (with 128 as zero, or as they are where the
/// kind has mins) in the order of StripLayout's 8-bit quants, and float scales.
struct OpenStrip {
  uint8_t* quants = nullptr;  ///< [blocks][8][64]
  float* scales = nullptr;    ///< [blocks][16], Q6_K [blocks][2][16]
  float* mins = nullptr;      ///< [blocks][16] where the kind has mins
  /// What to ask the memory for while multiplying, ahead_bytes per block: the strip that comes next, whose quants would
  /// otherwise be waited for.
  const std::byte* ahead = nullptr;
  int64_t ahead_bytes = 0;
};

/// Pointers at the first value of one group.
struct RowGroup {
  int64_t size = 1;  ///< 1, 2, 4, 8 or 16
  const float* values = nullptr;
  const int8_t* quants = nullptr;
  const float* scales = nullptr;
  const float* sums = nullptr;
  const int32_t* offsets = nullptr;
  const int32_t* half_offsets = nullptr;
  const int8_t* fine = nullptr;
  const int32_t* fine_offsets = nullptr;
  const int32_t* fine_half_offsets = nullptr;
  const uint8_t* has_fine = nullptr;
};

/// The group of x that starts at first_row.
RowGroup group_at(const PackedRows& x, int64_t first_row);

struct MatmulSet {
  /// Quantises `cols` floats.
  void (*quantize_row)(const float* x, int64_t cols, const QuantizedRow& out);
  /// tile[t][16] = strip · token t, for a float kind and any group.
  void (*float_tile)(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile);
  /// The same for a block kind straight from the packed strip; groups of 1, 2 or 4.
  void (*block_tile)(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile);
  /// Takes a strip apart, then the same for groups of any size.
  void (*open_strip)(PackedKind kind, const std::byte* strip, int64_t cols, const OpenStrip& out);
  void (*open_tile)(PackedKind kind, const OpenStrip& strip, int64_t cols, const RowGroup& x, float* tile);
};

const MatmulSet& matmul_reference();
const MatmulSet& matmul_avx512();
const MatmulSet& matmul_avx2();
const MatmulSet& matmul_neon();
/// The set of isa().
const MatmulSet& matmul_set();

}  // namespace orrery::kernels
