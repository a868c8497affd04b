#include "orrery/text/plan/machine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/random.h"
#include "orrery/kernels/attention/attention.h"
#include "orrery/kernels/bandwidth/bandwidth.h"
#include "orrery/kernels/matmul/matmul.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/kernels/rms_norm/rms_norm.h"

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::PackedKind;
using kernels::PackedMatrix;
using kernels::PackedRows;

constexpr int64_t kPromptTokens = 512;
constexpr int64_t kManyRows = 512;                    // of weights that many tokens are multiplied with
constexpr int64_t kWeightBytes = int64_t{192} << 20;  // beyond any cache

// The mean, not the best: what a model gets that runs for longer than any lull. After one call that warms up.
template <class F>
double mean_seconds(const F& f) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLeast(150);
  f();
  const auto start = Clock::now();
  int calls = 0;
  for (; calls < 3 || Clock::now() - start < kLeast; ++calls) f();
  return std::chrono::duration<double>(Clock::now() - start).count() / calls;
}

std::vector<float> random_values(int64_t count) {
  RandomStream random(0, "machine");
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform()) - 0.5f;
  return values;
}

// One strip of random weights, over and over.
Buffer random_weights(PackedMatrix& matrix) {
  const DType dtype = kernels::info(matrix.kind).dtype;
  const int64_t row_bytes = bytes_of(dtype, matrix.cols), strip_bytes = matrix.strip_bytes();
  std::vector<std::byte> rows(kStripRows * row_bytes);
  const std::byte* pointers[kStripRows];
  for (int64_t r = 0; r < kStripRows; ++r) {
    pointers[r] = rows.data() + r * row_bytes;
    kernels::quantize(dtype, random_values(matrix.cols), {rows.data() + r * row_bytes, static_cast<size_t>(row_bytes)});
  }
  Buffer memory(matrix.bytes());
  kernels::pack_strip(matrix.kind, pointers, matrix.cols, memory.data());
  for (int64_t strip = 1; strip < matrix.strips(); ++strip)
    std::memcpy(memory.data() + strip * strip_bytes, memory.data(), strip_bytes);
  matrix.data = memory.data();
  return memory;
}

Buffer random_rows(int64_t tokens, int64_t cols, bool quantized, PackedRows& rows) {
  Buffer memory(kernels::packed_rows_bytes(tokens, cols));
  rows = kernels::place_packed_rows(tokens, cols, quantized, memory.data());
  kernels::clear_padding(rows);
  std::vector<float> values = random_values(cols);
  for (int64_t c = 7; c < cols; c += kernels::kSuperBlock)
    values[c] *= 100;  // a language model's outliers: packed_rows.h
  for (int64_t t = 0; t < tokens; ++t) kernels::pack_row(values.data(), t, rows);
  return memory;
}

MachineRates::Products measure_products(ThreadPool& pool, PackedKind kind, int64_t cols, int64_t loop_weights) {
  PackedMatrix weights{.kind = kind, .cols = cols};
  weights.rows = kWeightBytes / weights.strip_bytes() * kStripRows;
  const Buffer memory = random_weights(weights);
  const bool quantized = !kernels::info(kind).is_float;
  PackedRows one, many;
  const Buffer one_memory = random_rows(1, cols, quantized, one),
               many_memory = random_rows(kPromptTokens, cols, quantized, many);
  std::vector<float> out(std::max(weights.rows, kPromptTokens * kManyRows));

  MachineRates::Products rates;
  // All weights, `strips` to a loop, which asks for the next one's as the engine's do.
  const auto bytes_per_second = [&](int64_t strips) {
    const double seconds = mean_seconds([&] {
      for (int64_t begin = 0; begin < weights.strips(); begin += strips) {
        const int64_t next = std::min(begin + strips, weights.strips() - strips);
        pool.run_stretches(std::min(strips, weights.strips() - begin),
                           [&](int64_t first, int64_t last, int) {
                             kernels::matmul(weights, one, begin + first, begin + last, kernels::MatmulOutput::kStore,
                                             out.data(), weights.rows);
                           },
                           {weights.data + next * weights.strip_bytes(), strips, weights.strip_bytes()});
      }
    });
    return static_cast<double>(weights.bytes()) / seconds;
  };
  rates.bytes_per_second = bytes_per_second(weights.strips());
  rates.looped_bytes_per_second =
      bytes_per_second(std::clamp<int64_t>(loop_weights / (kStripRows * cols), 1, weights.strips()));

  PackedMatrix few = weights;
  few.rows = kManyRows;
  constexpr int64_t kStripsAtOnce = 2;
  const double prompt = mean_seconds([&] {
    pool.run(few.strips() / kStripsAtOnce, [&](int64_t chunk, int) {
      const int64_t first = chunk * kStripsAtOnce;
      kernels::matmul(few, many, first, first + kStripsAtOnce, kernels::MatmulOutput::kStore, out.data(), kManyRows);
    });
  });
  rates.per_second = static_cast<double>(kPromptTokens * kManyRows * cols) / prompt;
  return rates;
}

// The second half of a prompt of 512, on a cache of float16.
double measure_attention(ThreadPool& pool, int64_t head_dim) {
  constexpr int64_t kHeads = 16, kTokens = 128;
  const kernels::KvFormat format{DType::kF16, kHeads, head_dim};
  const int64_t pages = kPromptTokens / kernels::kPageTokens;
  const Buffer memory(pages * format.page_bytes());
  const std::vector<float> values = random_values(kTokens * head_dim);
  std::vector<const std::byte*> places;
  for (int64_t i = 0; i < pages; ++i) places.push_back(memory.data() + i * format.page_bytes());
  for (int64_t key = 0; key < kPromptTokens; ++key)
    for (int64_t head = 0; head < kHeads; ++head)
      kernels::write_kv(format, memory.data() + key / kernels::kPageTokens * format.page_bytes(), head,
                        key % kernels::kPageTokens, values.data(), values.data() + head_dim);
  const int64_t floats = kTokens * (head_dim + 2);
  std::vector<float> parts(static_cast<size_t>(pool.threads()) * floats);
  const double seconds = mean_seconds([&] {
    pool.run(kHeads, [&](int64_t head, int thread) {
      const kernels::AttentionTask task{.format = format,
                                        .pages = places.data(),
                                        .kv_head = head,
                                        .tokens = kTokens,
                                        .first_position = kPromptTokens - kTokens,
                                        .last_key = kPromptTokens,
                                        .q = values.data(),
                                        .q_stride = head_dim,
                                        .scale = 1 / std::sqrt(static_cast<float>(head_dim))};
      float* part = parts.data() + thread * floats;
      kernels::attend(task, {part, part + kTokens * head_dim, part + kTokens * (head_dim + 1)});
    });
  });
  return static_cast<double>(2 * kHeads * kTokens * kPromptTokens * head_dim) / seconds;
}

double measure_rows(ThreadPool& pool, int64_t cols) {
  const std::vector<float> x = random_values(cols), weight(static_cast<size_t>(cols), 1.0f);
  Buffer memory(kernels::packed_rows_bytes(kPromptTokens, cols));
  PackedRows rows = kernels::place_packed_rows(kPromptTokens, cols, /*quantized=*/true, memory.data());
  const double seconds = mean_seconds([&] {
    pool.run(kPromptTokens / 16, [&](int64_t chunk, int) {
      std::vector<float> normed(static_cast<size_t>(cols));
      for (int64_t t = chunk * 16; t < chunk * 16 + 16; ++t) {
        kernels::rms_norm(x, weight, 1e-5f, normed);
        kernels::pack_row(normed.data(), t, rows);
      }
    });
  });
  return static_cast<double>(kPromptTokens * cols) / seconds;
}

}  // namespace

MachineRates measure_machine(ThreadPool& pool, const MeasuredShapes& shapes) {
  const int64_t cols = (shapes.cols + kernels::kSuperBlock - 1) / kernels::kSuperBlock * kernels::kSuperBlock;
  MachineRates rates;
  rates.threads = pool.threads();
  rates.read_bandwidth = kernels::read_bandwidth(pool);
  rates.rows_per_second = measure_rows(pool, cols);
  rates.attention_per_second = measure_attention(pool, shapes.head_dim);
  for (PackedKind kind : shapes.kinds) rates.products[kind] = measure_products(pool, kind, cols, shapes.loop_weights);
  return rates;
}

}  // namespace orrery::text
