#include "orrery/kernels/matmul/matmul.h"

#include <algorithm>
#include <cstring>

#include "orrery/base/buffer.h"
#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {
namespace {

constexpr int64_t kDirectRows = 4;  // up to here a strip is used as it is; beyond, it pays to take it apart once

// Memory for two open strips, kept by each thread.
void scratch_strips(int64_t cols, OpenStrip (&strips)[2]) {
  thread_local Buffer buffer;
  const size_t quants = static_cast<size_t>(cols) * kStripRows,
               scales = static_cast<size_t>(cols / 16) * kStripRows * sizeof(float);
  if (buffer.size() < 2 * (quants + 2 * scales)) buffer = Buffer(2 * (quants + 2 * scales));
  std::byte* at = buffer.data();
  for (OpenStrip& strip : strips) {
    strip = {.quants = reinterpret_cast<uint8_t*>(at),
             .scales = reinterpret_cast<float*>(at + quants),
             .mins = reinterpret_cast<float*>(at + quants + scales)};
    at += quants + 2 * scales;
  }
}

struct OpenRows {
  float* strips[2];
  std::span<float> row;
};

OpenRows scratch_rows(int64_t cols) {
  thread_local Buffer buffer;
  const size_t strip = static_cast<size_t>(cols) * kStripRows, needed = (2 * strip + cols) * sizeof(float);
  if (buffer.size() < needed) buffer = Buffer(needed);
  auto* at = buffer.as<float>();
  return {.strips = {at, at + strip}, .row = {at + 2 * strip, static_cast<size_t>(cols)}};
}

// Memory for a mapped strip and its pair, packed; `bytes` each.
std::byte* scratch_packed(int64_t bytes) {
  thread_local Buffer buffer;
  if (buffer.size() < static_cast<size_t>(2 * bytes)) buffer = Buffer(2 * bytes);
  return buffer.data();
}

Activation activation_of(MatmulOutput mode) {
  return mode == MatmulOutput::kSwiglu      ? Activation::kSilu
         : mode == MatmulOutput::kGegluTanh ? Activation::kGeluTanh
                                            : Activation::kGeluErf;
}

}  // namespace

const MatmulSet& matmul_set() {
  static const MatmulSet& set = [&]() -> const MatmulSet& {
    switch (isa()) {
#if defined(__x86_64__)
      case Isa::kAvx512:
        return matmul_avx512();
      case Isa::kAvx2:
        return matmul_avx2();
#elif defined(__aarch64__)
      case Isa::kNeon:
        return matmul_neon();
#endif
      default:
        return matmul_reference();
    }
  }();
  return set;
}

RowGroup group_at(const PackedRows& x, int64_t first_row) {
  const int64_t size = group_size(std::min<int64_t>(16, x.rows - first_row)), at = first_row * (x.cols / kBlock);
  if (!x.quantized) return {.size = size, .values = x.values + first_row * x.cols};
  return {.size = size,
          .quants = x.quants + first_row * x.cols,
          .scales = x.scales + at,
          .sums = x.sums + at,
          .offsets = x.offsets + at,
          .half_offsets = x.half_offsets + 2 * at,
          .fine = x.fine + first_row * x.cols,
          .fine_offsets = x.fine_offsets + at,
          .fine_half_offsets = x.fine_half_offsets + 2 * at,
          .has_fine = x.has_fine + first_row / 16 * (x.cols / kBlock)};
}

void matmul(const PackedMatrix& w, const PackedRows& x, int64_t first_strip, int64_t last_strip, MatmulOutput mode,
            float* out, int64_t out_stride) {
  const MatmulSet& set = matmul_set();
  const bool is_float = info(w.kind).is_float, as_rows = w.kind == PackedKind::kRows;
  const int64_t bytes = w.strip_bytes();
  const int64_t strips_at_once = is_gated(mode) ? 2 : 1;
  const GateFunction gate = is_gated(mode) ? gate_function(activation_of(mode)) : nullptr;
  const bool open = !is_float && x.rows > kDirectRows;
  alignas(64) float tile[2][16 * kStripRows];
  OpenStrip opened[2];
  if (open) scratch_strips(w.cols, opened);
  const OpenRows rows = as_rows ? scratch_rows(w.cols) : OpenRows{};
  const bool pack = w.mapped && !as_rows;
  const int64_t packed_bytes = pack ? strip_bytes(w.kind, w.cols) : bytes;
  std::byte* const packed = pack ? scratch_packed(packed_bytes) : nullptr;

  for (int64_t strip = first_strip; strip < last_strip; strip += strips_at_once) {
    for (int64_t i = 0; pack && i < strips_at_once; ++i) pack_mapped_strip(w, strip + i, packed + i * packed_bytes);
    const std::byte* data = pack ? packed : w.data + strip * bytes;
    for (int64_t i = 0; open && i < strips_at_once; ++i) {
      set.open_strip(w.kind, data + i * packed_bytes, w.cols, opened[i]);
      // The strip after last_strip is likely this thread's too. With more rows there is time enough to wait.
      const bool more = x.rows <= 16 && strip + strips_at_once < w.strips();
      opened[i].ahead = w.data + (strip + i + strips_at_once) * bytes;
      opened[i].ahead_bytes = more ? bytes / (w.cols / kBlock) : 0;
    }
    for (int64_t i = 0; as_rows && i < strips_at_once; ++i) open_rows(w, strip + i, rows.row, rows.strips[i]);
    for (int64_t row = 0; row < x.rows; row += 16) {
      const RowGroup group = group_at(x, row);
      for (int64_t i = 0; i < strips_at_once; ++i) {
        const std::byte* at = data + i * packed_bytes;
        if (as_rows) {
          set.float_tile(PackedKind::kF32, reinterpret_cast<const std::byte*>(rows.strips[i]), w.cols, group, tile[i]);
        } else if (is_float) {
          set.float_tile(w.kind, at, w.cols, group, tile[i]);
        } else if (open) {
          set.open_tile(w.kind, opened[i], w.cols, group, tile[i]);
        } else {
          set.block_tile(w.kind, at, w.cols, group, tile[i]);
        }
      }
      const int64_t tokens = std::min<int64_t>(16, x.rows - row);
      for (int64_t t = 0; t < tokens; ++t) {
        const float* values = tile[0] + t * kStripRows;
        float* to = out + (row + t) * out_stride + strip / strips_at_once * kStripRows;
        if (gate != nullptr) {
          gate(values, tile[1] + t * kStripRows, to, kStripRows);
          continue;
        }
        const int64_t rows = std::min<int64_t>(kStripRows, w.rows - strip * kStripRows);
        if (mode == MatmulOutput::kStore && rows == kStripRows) {
          std::memcpy(to, values, kStripRows * sizeof(float));
        } else if (mode == MatmulOutput::kStore) {
          std::memcpy(to, values, rows * sizeof(float));
        } else {
          for (int64_t r = 0; r < rows; ++r) to[r] += values[r];
        }
      }
    }
  }
}

}  // namespace orrery::kernels
