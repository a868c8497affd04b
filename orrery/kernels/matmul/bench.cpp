// Checks each kind against the reference, then times it: GB/s of weights for 1 token beside the machine's read
// bandwidth, and products per second for 512.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/matmul/instruction_sets.h"
#include "orrery/kernels/quantize/quantize.h"

using namespace orrery;
using namespace orrery::kernels;

int main(int argc, char** argv) {
  const int64_t cols = argc > 1 ? std::atoi(argv[1]) : 1536;
  ThreadPool pool(argc > 2 ? std::atoi(argv[2]) : 0);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  fmt::print("matmul, {} columns, {}, {} threads\n", cols, name(isa()), pool.threads());
  for (int i = 0; i < static_cast<int>(PackedKind::kRows); ++i) {
    const auto kind = static_cast<PackedKind>(i);
    const DType dtype = info(kind).dtype;
    if (packed_kind(dtype, cols) != kind) continue;
    const int64_t row_bytes = bytes_of(dtype, cols);
    std::vector<float> row(cols);
    std::vector<std::byte> rows(16 * row_bytes);
    const std::byte* pointers[16];
    for (int r = 0; r < 16; ++r) {
      for (float& value : row) value = normal(random);
      pointers[r] = rows.data() + r * row_bytes;
      if (info(kind).is_float || can_quantize(dtype))
        quantize(dtype, row, {rows.data() + r * row_bytes, static_cast<size_t>(row_bytes)});
    }
    PackedMatrix w{.kind = kind, .cols = cols};
    w.rows = (int64_t{256} << 20) / strip_bytes(kind, cols) * kStripRows;  // far beyond any cache
    Buffer memory(w.bytes());
    w.data = memory.data();
    pack_strip(kind, pointers, cols, memory.data());
    for (int64_t strip = 1; strip < w.strips(); ++strip)
      std::memcpy(memory.data() + strip * strip_bytes(kind, cols), memory.data(), strip_bytes(kind, cols));

    const auto pack = [&](const std::vector<float>& x, int64_t tokens, Buffer& to) {
      to = Buffer(packed_rows_bytes(tokens, cols));
      PackedRows packed = place_packed_rows(tokens, cols, !info(kind).is_float, to.data());
      clear_padding(packed);
      for (int64_t t = 0; t < tokens; ++t) pack_row(x.data() + t * cols, t, packed);
      return packed;
    };
    std::vector<float> x(512 * cols);
    for (float& value : x) value = normal(random);
    Buffer one_memory, many_memory;
    const PackedRows one = pack(x, 1, one_memory), many = pack(x, 512, many_memory);
    std::vector<float> y(w.rows), many_y(512 * 512);
    const double t1 = best_seconds(5, [&] {
      pool.run(w.strips() / 64, [&](int64_t chunk, int) {
        matmul(w, one, chunk * 64, chunk * 64 + 64, MatmulOutput::kStore, y.data(), w.rows);
      });
    });
    Buffer sixteen_memory;
    const PackedRows sixteen = pack(x, 16, sixteen_memory);
    std::vector<float> sixteen_y(w.rows * 16);
    const double t16 = best_seconds(3, [&] {
      pool.run_stretches(w.strips(), [&](int64_t first, int64_t last, int) {
        matmul(w, sixteen, first, last, MatmulOutput::kStore, sixteen_y.data(), w.rows);
      });
    });
    PackedMatrix part = w;
    part.rows = 512;
    const double t512 = best_seconds(5, [&] {
      pool.run(16, [&](int64_t chunk, int) {
        matmul(part, many, chunk * 2, chunk * 2 + 2, MatmulOutput::kStore, many_y.data(), 512);
      });
    });
    alignas(64) float expected[16 * 16];
    const RowGroup group = group_at(one, 0);
    info(kind).is_float ? matmul_reference().float_tile(kind, w.data, cols, group, expected)
                        : matmul_reference().block_tile(kind, w.data, cols, group, expected);
    double error = 0, size = 0;
    for (int r = 0; r < 16; ++r) {
      error = std::max<double>(error, std::fabs(expected[r] - y[r]));
      error = std::max<double>(error, std::fabs(expected[r] - many_y[r]));
      size = std::max<double>(size, std::fabs(expected[r]));
    }
    fmt::print(
        "{:7} 1 token {:5.1f} GB/s   16 tokens {:5.1f} GB/s {:6.1f} Gmul/s   512 tokens {:6.1f} Gmul/s   error "
        "{:.1e}\n",
        orrery::name(dtype), w.bytes() / t1 / 1e9, w.bytes() / t16 / 1e9, 16.0 * w.rows * cols / t16 / 1e9,
        512.0 * 512 * cols / t512 / 1e9, error / size);
    if (error > 1e-5 * size) return 1;
  }
}
