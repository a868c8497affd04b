#include "orrery/kernels/matmul/packed_rows.h"

#include <algorithm>
#include <cstring>

#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {
namespace {

int64_t padded(int64_t rows) { return rows / 16 * 16 + (rows % 16 ? group_size(rows % 16) : 0); }
void zero_row(int64_t blocks, const QuantizedRow& to) {
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t at = block * to.stride;
    std::memset(to.quants + at * 32, 0, 32);
    std::memset(to.fine + at * 32, 0, 32);
    to.scales[at] = to.sums[at] = 0;
    for (int32_t* offsets : {to.offsets, to.fine_offsets}) offsets[at] = 0;
    for (int32_t* halves : {to.half_offsets, to.fine_half_offsets}) halves[2 * at] = halves[2 * at + to.stride] = 0;
  }
}

// Where a row goes, padding rows included.
QuantizedRow place_of(int64_t row, const PackedRows& out) {
  const int64_t first = row / 16 * 16, t = row - first, blocks = out.cols / 32, at = first * blocks;
  const int64_t quants = first * out.cols + t * 32;
  return {.stride = group_size(std::min<int64_t>(16, out.rows - first)),
          .squared = out.squared,
          .quants = out.quants + quants,
          .scales = out.scales + at + t,
          .sums = out.sums + at + t,
          .offsets = out.offsets + at + t,
          .half_offsets = out.half_offsets + 2 * at + t,
          .fine = out.fine + quants,
          .fine_offsets = out.fine_offsets + at + t,
          .fine_half_offsets = out.fine_half_offsets + 2 * at + t,
          .has_fine = out.has_fine + first / 16 * blocks};
}

// x may be null: zeros.
void store_floats(const float* x, int64_t row, PackedRows& out) {
  const int64_t first = row / 16 * 16, size = group_size(std::min<int64_t>(16, out.rows - first));
  float* values = out.values + first * out.cols + (row - first);
  for (int64_t col = 0; col < out.cols; ++col) values[col * size] = x != nullptr ? x[col] : 0.0f;
}

int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

int64_t packed_rows_bytes(int64_t rows, int64_t cols) {
  const int64_t elements = padded(rows) * cols;
  return std::max(align64(elements * 4),
                  2 * align64(elements) + 8 * align64(elements / 32 * 4) + align64((rows + 15) / 16 * cols / 32));
}

PackedRows place_packed_rows(int64_t rows, int64_t cols, bool quantized, std::byte* memory) {
  PackedRows out{.rows = rows, .cols = cols, .quantized = quantized};
  if (!quantized) {
    out.values = reinterpret_cast<float*>(memory);
    return out;
  }
  const int64_t elements = padded(rows) * cols, step = align64(elements / 32 * 4);
  out.quants = reinterpret_cast<int8_t*>(memory);
  memory += align64(elements);
  out.scales = reinterpret_cast<float*>(memory);
  out.sums = reinterpret_cast<float*>(memory + step);
  out.offsets = reinterpret_cast<int32_t*>(memory + 2 * step);
  out.half_offsets = reinterpret_cast<int32_t*>(memory + 3 * step);
  out.fine_offsets = reinterpret_cast<int32_t*>(memory + 5 * step);
  out.fine_half_offsets = reinterpret_cast<int32_t*>(memory + 6 * step);
  memory += 8 * step;
  out.fine = reinterpret_cast<int8_t*>(memory);
  out.has_fine = reinterpret_cast<uint8_t*>(memory + align64(elements));
  return out;
}

PackedRows rows_of(const PackedRows& x, int64_t first, int64_t last) {
  PackedRows part = x;
  part.rows = last - first;
  if (!x.quantized) {
    part.values += first * x.cols;
    return part;
  }
  const int64_t scales = first * x.cols / 32;
  part.quants += first * x.cols;
  part.scales += scales;
  part.sums += scales;
  part.offsets += scales;
  part.half_offsets += 2 * scales;
  part.fine += first * x.cols;
  part.fine_offsets += scales;
  part.fine_half_offsets += 2 * scales;
  part.has_fine += first / 16 * (x.cols / 32);
  return part;
}

void clear_padding(PackedRows& out) {
  if (out.quantized) std::memset(out.has_fine, 0, (out.rows + 15) / 16 * (out.cols / 32));
  for (int64_t row = out.rows; row < padded(out.rows); ++row) {
    if (out.quantized) {
      zero_row(out.cols / 32, place_of(row, out));
    } else {
      store_floats(nullptr, row, out);
    }
  }
}

void pack_row(const float* x, int64_t row, PackedRows& out) {
  if (out.quantized) {
    matmul_set().quantize_row(x, out.cols, place_of(row, out));
  } else {
    store_floats(x, row, out);
  }
}

}  // namespace orrery::kernels
