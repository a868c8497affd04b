#include "orrery/kernels/matmul/packed_rows.h"

#include <algorithm>
#include <cstring>

#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {
namespace {

int64_t padded(int64_t rows) { return rows / 16 * 16 + (rows % 16 ? group_size(rows % 16) : 0); }
int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

int64_t packed_rows_bytes(int64_t rows, int64_t cols) {
  const int64_t elements = padded(rows) * cols;
  return std::max(align64(elements * 4), align64(elements) + 5 * align64(elements / 32 * 4));
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
  return part;
}

void pack_group(const float* x, int64_t stride, int64_t first_row, PackedRows& out) {
  const int64_t filled = std::min<int64_t>(16, out.rows - first_row), size = group_size(filled);
  const int64_t per_block = out.cols / 32;
  for (int64_t t = 0; t < size; ++t) {
    const float* row = t < filled ? x + (first_row + t) * stride : nullptr;
    if (!out.quantized) {
      float* values = out.values + first_row * out.cols + t;
      for (int64_t col = 0; col < out.cols; ++col) values[col * size] = row ? row[col] : 0.0f;
      continue;
    }
    const int64_t at = first_row * per_block;
    const QuantizedRow to{.stride = size,
                          .quants = out.quants + first_row * out.cols + t * 32,
                          .scales = out.scales + at + t,
                          .sums = out.sums + at + t,
                          .offsets = out.offsets + at + t,
                          .half_offsets = out.half_offsets + 2 * at + t};
    if (row) {
      matmul_set().quantize_row(row, out.cols, to);
      continue;
    }
    for (int64_t block = 0; block < per_block; ++block) {
      std::memset(to.quants + block * 32 * size, 0, 32);
      to.scales[block * size] = to.sums[block * size] = 0;
      to.offsets[block * size] = to.half_offsets[2 * block * size] = to.half_offsets[(2 * block + 1) * size] = 0;
    }
  }
}

}  // namespace orrery::kernels
