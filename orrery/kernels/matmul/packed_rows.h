// Activations in the order the matmul kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace orrery::kernels {

/// Tokens are taken in groups of 16, 8, 4, 2 or 1; what a group of `tokens` rows is rounded up to.
constexpr int64_t group_size(int64_t rows) { return rows > 8 ? 16 : rows > 4 ? 8 : rows > 2 ? 4 : rows; }

/// Rows [rows, cols] of activations, group by group; a group of T rows starts where the groups before it end, so that
/// its part of an array with n values per row lies at first_row·n. Rows that fill up the last group are zero.
///   values  [cols][T]        float32, for float weights
///   quants  [blocks][T][32]  int8, x ≈ scale·q with scale = max|x| / 127 over 32 columns
///   scales  [blocks][T]      float32
///   sums    [blocks][T]      scale·Σq: what a min is multiplied with
///   offsets [blocks][T]      -128·Σq: what undoes the +128 of unsigned weights
///   half_offsets [blocks][2][T]  the same for each 16 columns
///
/// Where one scale would cost too much, a block has a second plane: x ≈ scale·(q + fine / 256). A language model's
/// activations have a few channels that are 100 times larger than the rest (Dettmers et al. 2022, "LLM.int8()"), and
/// the 31 others of their block would be rounded with their scale. A block of a row is refined when its rounding error
/// is expected to be more than kFineShare of the row's mean energy per block; that depends on the row alone.
/// Squared activations (RWKV's, Fuyu's) are spread so widely that this would refine nearly all of their blocks: with
/// `squared` a refined block's scale must also be kFineOutlier times the geometric mean of the row's.
///   fine    [blocks][T][32]  int8, zero where the row does not need it
///   fine_offsets [blocks][T], fine_half_offsets [blocks][2][T]  -128·Σfine
///   has_fine [blocks]        whether any row of the group needs it: 0 or 1
struct PackedRows {
  int64_t rows = 0, cols = 0;
  bool quantized = false, squared = false;
  float* values = nullptr;
  int8_t* quants = nullptr;
  float* scales = nullptr;
  float* sums = nullptr;
  int32_t* offsets = nullptr;
  int32_t* half_offsets = nullptr;
  int8_t* fine = nullptr;
  int32_t* fine_offsets = nullptr;
  int32_t* fine_half_offsets = nullptr;
  uint8_t* has_fine = nullptr;
};

/// Between two measured ends, see docs/engine.md: refining more blocks is closer and slower.
inline constexpr float kFineShare = 1e-4f;
inline constexpr float kFineOutlier = 3;

/// Bytes that PackedRows of this size take, whichever form they have.
int64_t packed_rows_bytes(int64_t rows, int64_t cols);

/// Lays the arrays out in `memory` (64-byte aligned, packed_rows_bytes long). cols is a multiple of 32 when quantized.
PackedRows place_packed_rows(int64_t rows, int64_t cols, bool quantized, std::byte* memory);

/// What must be zero before the rows are packed: the rows that fill up the last group, and has_fine.
void clear_padding(PackedRows& out);

/// Packs one row [cols]. Rows of one group may be packed from several threads at once.
void pack_row(const float* x, int64_t row, PackedRows& out);

/// Rows [first, last) of x, which start at a group (first is a multiple of 16; last too, or the end).
PackedRows rows_of(const PackedRows& x, int64_t first, int64_t last);

}  // namespace orrery::kernels
