// Weights in the order the matmul kernels read them.
//
// A matrix [rows, cols] is cut into strips of 16 rows. Inside a strip the rows are interleaved: 16 lanes of a vector
// are 16 rows, so a dot product needs no sum across lanes, one activation is broadcast to all rows, and a strip is one
// linear stream of memory. Block formats keep GGUF's bits per weight; only their order changes (K-quants: 6-bit
// sub-scales become bytes, +0.125 bit). One layout serves every instruction set: AVX2 takes a 64-byte vector in halves,
// NEON in quarters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "orrery/base/dtype.h"

namespace orrery::kernels {

inline constexpr int64_t kStripRows = 16;
inline constexpr int64_t kBlock = 32;        // columns that share a scale in the packed block kinds
inline constexpr int64_t kSuperBlock = 256;  // columns of a K-quant's block

enum class PackedKind : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kIQ4_NL,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kRows,  ///< any other type: rows as they are, taken apart strip by strip when they are multiplied
  kCount
};

/// Weights of a block kind are d·(q - offset), or d·q + m where the kind has mins.
struct KindInfo {
  DType dtype;  ///< what it is packed from
  int bits;     ///< 4, 5, 6 or 8 for block kinds; 16 or 32 for floats
  bool is_float;
  bool has_min;
  bool is_k;  ///< d is a superblock's scale times a sub-scale
  int offset;
};
inline constexpr KindInfo kKindInfo[] = {
    {DType::kF32, 32, true, false, false, 0},
    {DType::kF16, 16, true, false, false, 0},
    {DType::kBF16, 16, true, false, false, 0},
    {DType::kQ4_0, 4, false, false, false, 8},
    {DType::kQ4_1, 4, false, true, false, 0},
    {DType::kQ5_0, 5, false, false, false, 16},
    {DType::kQ5_1, 5, false, true, false, 0},
    {DType::kQ8_0, 8, false, false, false, 128},
    {DType::kIQ4_NL, 4, false, false, false, 128},  // nibbles name levels, which are stored with +128
    {DType::kQ4_K, 4, false, true, true, 0},
    {DType::kQ5_K, 5, false, true, true, 0},
    {DType::kQ6_K, 6, false, false, true, 32},
    {DType::kCount, 0, true, false, false, 0},  // kRows: PackedMatrix::dtype says which
};
static_assert(std::size(kKindInfo) == static_cast<size_t>(PackedKind::kCount));
constexpr const KindInfo& info(PackedKind kind) { return kKindInfo[static_cast<size_t>(kind)]; }

/// The kind that a tensor of this type and row length is packed as.
PackedKind packed_kind(DType dtype, int64_t cols);

/// IQ4_NL's 16 levels (ggml-org/ggml), each + 128.
inline constexpr uint8_t kIq4NlPlus128[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

/// A strip of a block kind is a row of chunks: 2 blocks, or the 8 of a K-quant's superblock, each with its scales in
/// front, so that a strip is one stream (two streams, scales and quants apart, halve the bandwidth that a Zen 4 core's
/// prefetcher reaches). Offsets in bytes from the start of the chunk; every part is 64-byte aligned but dmin, which
/// follows d. The blocks that fill up the last chunk are zero.
///   scales  f16 [blocks, 16], K-quants [16]      mins  f16, the same
///   sub_scales u8 [blocks, 16] (Q6_K: i8 [blocks, 2, 16])   sub_mins u8 [blocks, 16]
///   quants [blocks][block_bytes]; vector j of a block holds columns 4j … 4j+3 of 16 rows, byte 4·row + column:
///     nibbles 256 bytes: low ones are vectors 0-3, high ones vectors 4-7
///     5 bits: 64 bytes before the nibbles, bit (4·row + column) of 64-bit word j is the fifth bit
///     6 bits: 128 bytes after the nibbles, two vectors; bits 2i, 2i+1 of vector h belong to vector 4h + i
///     8 bits: 512 bytes, q + 128
/// Float kinds have no chunks: [cols, 16] floats, the strip rounded up to 64 bytes. kRows has 16 rows, one after the
/// other.
struct ChunkLayout {
  int64_t blocks = 0;
  int64_t scales = 0, mins = 0, sub_scales = 0, sub_mins = 0, quants = 0;
  int64_t block_bytes = 0;  ///< of quants
  int64_t bytes = 0;
};
constexpr ChunkLayout chunk_layout(PackedKind kind) {
  const KindInfo& k = info(kind);
  ChunkLayout layout;
  layout.blocks = k.is_k ? kSuperBlock / kBlock : 2;
  layout.block_bytes = kStripRows * kBlock * k.bits / 8;
  layout.mins = k.is_k ? 32 : 64;
  int64_t at = k.is_k || !k.has_min ? 64 : 128;
  layout.sub_scales = at;
  if (k.is_k) at += layout.blocks * kStripRows * (k.bits == 6 ? 2 : 1);
  layout.sub_mins = at;
  if (k.is_k && k.has_min) at += layout.blocks * kStripRows;
  layout.quants = at;
  layout.bytes = at + layout.blocks * layout.block_bytes;
  return layout;
}
constexpr int64_t strip_bytes(PackedKind kind, int64_t cols) {
  if (info(kind).is_float) return (cols * kStripRows * info(kind).bits / 8 + 63) / 64 * 64;
  const ChunkLayout layout = chunk_layout(kind);
  return (cols / kBlock + layout.blocks - 1) / layout.blocks * layout.bytes;
}

/// A packed matrix in somebody's memory, 64-byte aligned: strips of strip_bytes(kind, cols) one after the other. The
/// rows that fill up the last strip are zero.
struct PackedMatrix {
  PackedKind kind = PackedKind::kF32;
  int64_t rows = 0, cols = 0;
  const std::byte* data = nullptr;
  DType dtype = DType::kCount;  ///< of kRows
  /// The rows, a multiple of 16, lie in a file one after the other, at any alignment: a strip is packed each time that
  /// it is multiplied (kRows: taken apart, as ever).
  bool mapped = false;

  int64_t strips() const { return (rows + kStripRows - 1) / kStripRows; }
  int64_t strip_bytes() const {
    const bool as_rows = kind == PackedKind::kRows;
    if (!as_rows && !mapped) return kernels::strip_bytes(kind, cols);
    const int64_t bytes = kStripRows * bytes_of(as_rows ? dtype : info(kind).dtype, cols);
    return mapped ? bytes : (bytes + 63) / 64 * 64;
  }
  int64_t bytes() const { return strips() * strip_bytes(); }
};

/// Packs one strip. rows[r] points at `cols` weights of info(kind).dtype in GGUF's row format (plain floats for float
/// kinds), at any alignment; nullptr is a row of zeros. out is strip_bytes(kind, cols) long and 64-byte aligned.
void pack_strip(PackedKind kind, const std::byte* const (&rows)[kStripRows], int64_t cols, std::byte* out);

/// Strip `strip` of a mapped matrix, packed.
void pack_mapped_strip(const PackedMatrix& matrix, int64_t strip, std::byte* out);

/// The same for kRows: 16 rows of `row_bytes` one after the other.
void pack_rows_as_they_are(const std::byte* const (&rows)[kStripRows], int64_t row_bytes, std::byte* out);

/// Strip `strip` of a kRows matrix as a strip of kF32, in `out` [cols, 16]; `row` [cols] is scratch. 64-byte aligned.
void open_rows(const PackedMatrix& matrix, int64_t strip, std::span<float> row, float* out);

/// One row as floats, bit for bit what dequantize() makes of the source.
void unpack_row(const PackedMatrix& matrix, int64_t row, std::span<float> out);

/// What a block of one row is made of, read in plain code: w[col] = scale[col / 16]·(q - offset) + min.
struct BlockScales {
  float scale[2] = {0, 0};
  float min = 0;
};
BlockScales block_scales(PackedKind kind, const std::byte* strip, int64_t block, int64_t row);
int block_quant(PackedKind kind, const std::byte* strip, int64_t block, int64_t row, int64_t col);

}  // namespace orrery::kernels
