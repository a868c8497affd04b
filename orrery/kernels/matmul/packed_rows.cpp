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

int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

int64_t packed_rows_bytes(int64_t rows, int64_t cols) {
  const int64_t elements = padded(rows) * cols;
  return std::max(align64(elements * 4),
                  2 * align64(elements) + 8 * align64(elements / 32 * 4) + align64(group_count(rows) * cols / 32));
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

void pack_group(const float* x, int64_t stride, int64_t first_row, PackedRows& out) {
  const int64_t filled = std::min<int64_t>(16, out.rows - first_row), size = group_size(filled), blocks = out.cols / 32;
  uint8_t* has_fine = out.quantized ? out.has_fine + first_row / 16 * blocks : nullptr;
  if (out.quantized) std::memset(has_fine, 0, blocks);
  for (int64_t t = 0; t < size; ++t) {
    const float* row = t < filled ? x + (first_row + t) * stride : nullptr;
    if (!out.quantized) {
      float* values = out.values + first_row * out.cols + t;
      for (int64_t col = 0; col < out.cols; ++col) values[col * size] = row ? row[col] : 0.0f;
      continue;
    }
    const int64_t at = first_row * blocks + t, quants = first_row * out.cols + t * 32;
    const QuantizedRow to{.stride = size,
                          .quants = out.quants + quants,
                          .scales = out.scales + at,
                          .sums = out.sums + at,
                          .offsets = out.offsets + at,
                          .half_offsets = out.half_offsets + 2 * at - t,
                          .fine = out.fine + quants,
                          .fine_offsets = out.fine_offsets + at,
                          .fine_half_offsets = out.fine_half_offsets + 2 * at - t,
                          .has_fine = has_fine};
    if (row) {
      matmul_set().quantize_row(row, out.cols, to);
    } else {
      zero_row(blocks, to);
    }
  }
}

}  // namespace orrery::kernels
