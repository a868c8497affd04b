#include "orrery/kernels/matmul/packed_matrix.h"

#include <cstring>

#include "orrery/kernels/convert/convert.h"
#include "orrery/kernels/quantize/quantize.h"

namespace orrery::kernels {
namespace {

template <class T>
T read(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// 32 columns of one row, taken apart: what every block kind's source is brought to before it is interleaved.
struct Block {
  uint8_t quants[kBlock];
};

const std::byte* block_of(const std::byte* row, DType dtype, int64_t block) {
  const DTypeInfo& type = info(dtype);
  return row + block * kBlock / type.block_elements * type.block_bytes;
}

void nibbles(const std::byte* bytes, uint8_t (&out)[kBlock]) {
  for (int i = 0; i < 16; ++i) {
    out[i] = std::to_integer<uint8_t>(bytes[i]) & 15;
    out[i + 16] = std::to_integer<uint8_t>(bytes[i]) >> 4;
  }
}

void add_fifth_bits(uint32_t bits, uint8_t (&out)[kBlock]) {
  for (int i = 0; i < kBlock; ++i) out[i] |= (bits >> i & 1) << 4;
}

// Nibbles of the 32 columns `part` (0-7) of a Q4_K or Q5_K block: groups of 64 columns share 32 bytes, low then high.
void k_nibbles(const std::byte* quants, int64_t part, uint8_t (&out)[kBlock]) {
  const std::byte* bytes = quants + part / 2 * 32;
  for (int i = 0; i < kBlock; ++i) out[i] = std::to_integer<uint8_t>(bytes[i]) >> (part % 2 * 4) & 15;
}

// The 6-bit scale and min number `part` of the 12 bytes of a Q4_K or Q5_K block.
void k_scale_min(const std::byte* packed, int64_t part, uint8_t& scale, uint8_t& min) {
  const auto byte = [&](int64_t i) { return std::to_integer<uint8_t>(packed[i]); };
  if (part < 4) {
    scale = byte(part) & 63;
    min = byte(part + 4) & 63;
  } else {
    scale = (byte(part + 4) & 15) | (byte(part - 4) >> 6) << 4;
    min = byte(part + 4) >> 4 | (byte(part) >> 6) << 4;
  }
}

Block quants_of(PackedKind kind, const std::byte* row, int64_t block) {
  const std::byte* at = block_of(row, info(kind).dtype, block);
  const int64_t part = block % (kSuperBlock / kBlock);
  Block out;
  switch (kind) {
    case PackedKind::kQ4_0:
    case PackedKind::kIQ4_NL:
      nibbles(at + 2, out.quants);
      break;
    case PackedKind::kQ4_1:
      nibbles(at + 4, out.quants);
      break;
    case PackedKind::kQ5_0:
      nibbles(at + 6, out.quants);
      add_fifth_bits(read<uint32_t>(at + 2), out.quants);
      break;
    case PackedKind::kQ5_1:
      nibbles(at + 8, out.quants);
      add_fifth_bits(read<uint32_t>(at + 4), out.quants);
      break;
    case PackedKind::kQ8_0:
      for (int i = 0; i < kBlock; ++i) out.quants[i] = std::to_integer<uint8_t>(at[2 + i]) ^ 0x80;
      break;
    case PackedKind::kQ4_K:
      k_nibbles(at + 16, part, out.quants);
      break;
    case PackedKind::kQ5_K:
      k_nibbles(at + 48, part, out.quants);
      for (int i = 0; i < kBlock; ++i) out.quants[i] |= (std::to_integer<uint8_t>(at[16 + i]) >> part & 1) << 4;
      break;
    case PackedKind::kQ6_K: {  // halves of 128 columns: 64 bytes of nibbles, 32 bytes of upper pairs
      const std::byte* low = at + part / 4 * 64 + part % 2 * 32;
      const std::byte* high = at + 128 + part / 4 * 32;
      for (int i = 0; i < kBlock; ++i) {
        const int nibble = std::to_integer<uint8_t>(low[i]) >> (part % 4 / 2 * 4) & 15;
        out.quants[i] = nibble | (std::to_integer<uint8_t>(high[i]) >> (part % 4 * 2) & 3) << 4;
      }
      break;
    }
    default:
      break;
  }
  return out;
}

// Columns 4j … 4j+3 of `row` live at bytes 64·j + 4·row of the canonical order.
void store_quants(int bits, const Block& block, int row, std::byte* out) {
  const uint8_t* q = block.quants;
  std::byte* nibble_bytes = out + (bits == 5 ? 64 : 0);
  for (int j = 0; j < 8; ++j) {
    for (int s = 0; s < 4; ++s) {
      const int at = 4 * row + s;
      if (bits == 8) {
        out[64 * j + at] = std::byte{q[4 * j + s]};
        continue;
      }
      if (j < 4)
        nibble_bytes[64 * j + at] = static_cast<std::byte>((q[4 * j + s] & 15) | (q[16 + 4 * j + s] & 15) << 4);
      if (bits == 5) out[8 * j + at / 8] |= static_cast<std::byte>((q[4 * j + s] >> 4) << at % 8);
      if (bits == 6) out[256 + j / 4 * 64 + at] |= static_cast<std::byte>((q[4 * j + s] >> 4) << (j % 4 * 2));
    }
  }
}

// Formats whose 4 columns are already 4 bytes in the right order: the strip is a transpose of 32-bit words.
bool store_words(PackedKind kind, const std::byte* block, int row, std::byte* out) {
  int skip = 0, words = 4;
  uint32_t flip = 0;
  switch (kind) {
    case PackedKind::kQ4_0:
    case PackedKind::kIQ4_NL:
      skip = 2;
      break;
    case PackedKind::kQ4_1:
      skip = 4;
      break;
    case PackedKind::kQ8_0:
      skip = 2, words = 8, flip = 0x80808080u;
      break;
    default:
      return false;
  }
  for (int j = 0; j < words; ++j) {
    const uint32_t word = read<uint32_t>(block + skip + 4 * j) ^ flip;
    std::memcpy(out + 64 * j + 4 * row, &word, 4);
  }
  return true;
}

void store_scales(PackedKind kind, const std::byte* row_data, int64_t block, int row, std::byte* chunk) {
  const KindInfo& k = info(kind);
  const ChunkLayout layout = chunk_layout(kind);
  const std::byte* at = block_of(row_data, k.dtype, block);
  const int64_t part = block % layout.blocks;
  const auto put16 = [&](int64_t where, int64_t index, const std::byte* from) {
    std::memcpy(chunk + where + (index * kStripRows + row) * 2, from, 2);
  };
  if (!k.is_k) {
    put16(layout.scales, part, at);
    if (k.has_min) put16(layout.mins, part, at + 2);
  } else if (kind == PackedKind::kQ6_K) {
    put16(layout.scales, 0, at + 208);
    for (int half = 0; half < 2; ++half) {
      chunk[layout.sub_scales + (2 * part + half) * kStripRows + row] = at[192 + 2 * part + half];
    }
  } else {
    put16(layout.scales, 0, at);
    put16(layout.mins, 0, at + 2);
    uint8_t scale, min;
    k_scale_min(at + 4, part, scale, min);
    chunk[layout.sub_scales + part * kStripRows + row] = std::byte{scale};
    chunk[layout.sub_mins + part * kStripRows + row] = std::byte{min};
  }
}

template <class T>
void interleave(const std::byte* row, int64_t cols, int r, std::byte* out) {
  for (int64_t k = 0; k < cols; ++k)
    std::memcpy(out + (k * kStripRows + r) * sizeof(T), row + k * sizeof(T), sizeof(T));
}

}  // namespace

PackedKind packed_kind(DType dtype, int64_t cols) {
  for (size_t i = 0; i < std::size(kKindInfo); ++i) {
    if (kKindInfo[i].dtype == dtype && cols % orrery::info(dtype).block_elements == 0)
      return static_cast<PackedKind>(i);
  }
  return PackedKind::kRows;
}

void pack_strip(PackedKind kind, const std::byte* const (&rows)[kStripRows], int64_t cols, std::byte* out) {
  const KindInfo& k = info(kind);
  const ChunkLayout layout = chunk_layout(kind);
  bool whole = k.is_float || cols / kBlock % layout.blocks == 0;
  for (const std::byte* row : rows) whole &= row != nullptr;
  if (!whole || k.bits == 5 || k.bits == 6) std::memset(out, 0, strip_bytes(kind, cols));
  for (int r = 0; r < kStripRows; ++r) {
    if (rows[r] == nullptr) continue;
    if (k.is_float) {
      k.bits == 32 ? interleave<uint32_t>(rows[r], cols, r, out) : interleave<uint16_t>(rows[r], cols, r, out);
      continue;
    }
    for (int64_t block = 0; block < cols / kBlock; ++block) {
      std::byte* chunk = out + block / layout.blocks * layout.bytes;
      store_scales(kind, rows[r], block, r, chunk);
      std::byte* quants = chunk + layout.quants + block % layout.blocks * layout.block_bytes;
      if (!store_words(kind, block_of(rows[r], k.dtype, block), r, quants)) {
        store_quants(k.bits, quants_of(kind, rows[r], block), r, quants);
      }
    }
  }
}

void pack_mapped_strip(const PackedMatrix& matrix, int64_t strip, std::byte* out) {
  const int64_t row_bytes = bytes_of(info(matrix.kind).dtype, matrix.cols);
  const std::byte* rows[kStripRows];
  for (int64_t r = 0; r < kStripRows; ++r) rows[r] = matrix.data + (strip * kStripRows + r) * row_bytes;
  pack_strip(matrix.kind, rows, matrix.cols, out);
}

void pack_rows_as_they_are(const std::byte* const (&rows)[kStripRows], int64_t row_bytes, std::byte* out) {
  for (const std::byte* row : rows) {
    row != nullptr ? std::memcpy(out, row, row_bytes) : std::memset(out, 0, row_bytes);
    out += row_bytes;
  }
}

void open_rows(const PackedMatrix& matrix, int64_t strip, std::span<float> row, float* out) {
  const auto row_bytes = static_cast<size_t>(bytes_of(matrix.dtype, matrix.cols));
  for (int64_t r = 0; r < kStripRows; ++r) {
    dequantize(matrix.dtype, {matrix.data + strip * matrix.strip_bytes() + r * row_bytes, row_bytes}, row);
    for (int64_t col = 0; col < matrix.cols; ++col) out[col * kStripRows + r] = row[col];
  }
}

void unpack_row(const PackedMatrix& matrix, int64_t row, std::span<float> out) {
  const KindInfo& k = info(matrix.kind);
  const std::byte* strip = matrix.data + row / kStripRows * matrix.strip_bytes();
  const int64_t r = row % kStripRows;
  if (matrix.kind == PackedKind::kRows || matrix.mapped) {
    const DType dtype = matrix.kind == PackedKind::kRows ? matrix.dtype : k.dtype;
    const auto row_bytes = static_cast<size_t>(bytes_of(dtype, matrix.cols));
    return dequantize(dtype, {strip + r * row_bytes, row_bytes}, out);
  }
  for (int64_t col = 0; k.is_float && col < matrix.cols; ++col) {
    const int64_t at = col * kStripRows + r;
    out[col] = matrix.kind == PackedKind::kF32   ? read<float>(strip + 4 * at)
               : matrix.kind == PackedKind::kF16 ? f16_to_f32(read<uint16_t>(strip + 2 * at))
                                                 : bf16_to_f32(read<uint16_t>(strip + 2 * at));
  }
  for (int64_t block = 0; !k.is_float && block < matrix.cols / kBlock; ++block) {
    const BlockScales scales = block_scales(matrix.kind, strip, block, r);
    for (int64_t col = 0; col < kBlock; ++col) {
      const int q = block_quant(matrix.kind, strip, block, r, col);
      out[block * kBlock + col] = scales.scale[col / 16] * static_cast<float>(q - k.offset) + scales.min;
    }
  }
}

BlockScales block_scales(PackedKind kind, const std::byte* strip, int64_t block, int64_t row) {
  const KindInfo& k = info(kind);
  const ChunkLayout layout = chunk_layout(kind);
  const std::byte* chunk = strip + block / layout.blocks * layout.bytes;
  const int64_t part = block % layout.blocks;
  const auto half_at = [&](int64_t where) {
    return f16_to_f32(read<uint16_t>(chunk + where + ((k.is_k ? 0 : part) * kStripRows + row) * 2));
  };
  const auto byte_at = [&](int64_t where, int64_t index) {
    return std::to_integer<uint8_t>(chunk[where + index * kStripRows + row]);
  };
  BlockScales out;
  for (int half = 0; half < 2; ++half) {
    out.scale[half] = half_at(layout.scales);
    if (kind == PackedKind::kQ6_K) {
      out.scale[half] *= static_cast<int8_t>(byte_at(layout.sub_scales, 2 * part + half));
    } else if (k.is_k) {
      out.scale[half] *= byte_at(layout.sub_scales, part);
    }
  }
  if (k.has_min) out.min = half_at(layout.mins);
  if (k.has_min && k.is_k) out.min *= -static_cast<float>(byte_at(layout.sub_mins, part));
  return out;
}

int block_quant(PackedKind kind, const std::byte* strip, int64_t block, int64_t row, int64_t col) {
  const KindInfo& k = info(kind);
  const ChunkLayout layout = chunk_layout(kind);
  const std::byte* quants =
      strip + block / layout.blocks * layout.bytes + layout.quants + block % layout.blocks * layout.block_bytes;
  const int64_t j = col / 4, at = 4 * row + col % 4;
  if (k.bits == 8) return std::to_integer<uint8_t>(quants[64 * j + at]);
  const std::byte* nibble_bytes = quants + (k.bits == 5 ? 64 : 0);
  int q = std::to_integer<uint8_t>(nibble_bytes[64 * (j % 4) + at]) >> (j / 4 * 4) & 15;
  if (k.bits == 5) q |= (std::to_integer<uint8_t>(quants[8 * j + at / 8]) >> at % 8 & 1) << 4;
  if (k.bits == 6) q |= (std::to_integer<uint8_t>(quants[256 + j / 4 * 64 + at]) >> (j % 4 * 2) & 3) << 4;
  return kind == PackedKind::kIQ4_NL ? kIq4NlPlus128[q] : q;
}

}  // namespace orrery::kernels
