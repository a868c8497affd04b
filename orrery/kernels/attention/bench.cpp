// Checks each path against the reference, then times it: nanoseconds per row and page of 64 keys for a prompt's 128
// tokens, and GB/s of pages for one token, beside the machine's read bandwidth (bench_bandwidth). One thread.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/kernels/attention/attention.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"

using namespace orrery;
using namespace orrery::kernels;

namespace {

struct Memory {
  std::vector<float> values, largest, sum;
  AttentionPart part;
  explicit Memory(const AttentionTask& task)
      : values(task.rows() * task.format.head_dim),
        largest(task.rows()),
        sum(task.rows()),
        part{values.data(), largest.data(), sum.data()} {}
};

double largest_difference(const AttentionTask& task) {
  Memory ours(task), expected(task);
  attend(task, ours.part);
  attend_reference(task, expected.part);
  double most = 0;
  for (int64_t i = 0; i < task.rows() * task.format.head_dim; ++i) {
    const int64_t row = i / task.format.head_dim;
    most = std::max<double>(most, std::fabs(ours.values[i] / ours.sum[row] - expected.values[i] / expected.sum[row]));
  }
  return most;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t head_dim = argc > 1 ? std::atoi(argv[1]) : 64, group = argc > 2 ? std::atoi(argv[2]) : 3;
  const int64_t keys = argc > 3 ? std::atoi(argv[3]) : 4096, heads = 8;
  fmt::print("attention, head_dim {}, {} query heads to a key-value head, {} keys, {}\n", head_dim, group, keys,
             name(isa()));
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> q(128 * group * head_dim), row(2 * head_dim);
  for (float& x : q) x = 2 * normal(random);
  bool right = true;
  for (DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0, DType::kQ4_0}) {
    const KvFormat format{dtype, heads, head_dim};
    if (format.has_scales() && head_dim % 32 != 0) continue;
    const int64_t count = (keys + kPageTokens - 1) / kPageTokens;
    Buffer memory(count * format.page_bytes());
    std::vector<const std::byte*> pages;
    for (int64_t i = 0; i < count; ++i) pages.push_back(memory.data() + i * format.page_bytes());
    for (int64_t key = 0; key < keys; ++key) {
      for (int64_t head = 0; head < heads; ++head) {
        for (float& x : row) x = normal(random);
        write_kv(format, memory.data() + key / kPageTokens * format.page_bytes(), head, key % kPageTokens, row.data(),
                 row.data() + head_dim);
      }
    }
    AttentionTask prompt{.format = format,
                         .pages = pages.data(),
                         .group = group,
                         .tokens = 128,
                         .first_position = keys - 128,
                         .last_key = keys,
                         .q = q.data(),
                         .q_stride = group * head_dim,
                         .scale = 1 / std::sqrt(static_cast<float>(head_dim))};
    AttentionTask exact = prompt, window = prompt, one = prompt;
    exact.exact = true;
    window.max_distance = 512;
    one.tokens = 1, one.first_position = keys - 1;
    const double error = largest_difference(prompt), exact_error = largest_difference(exact),
                 window_error = largest_difference(window), one_error = largest_difference(one);
    right &= error < 0.15 && window_error < 0.15 && exact_error < 1e-5 && one_error < 1e-5;

    Memory out(prompt);
    const double seconds = best_seconds(5, [&] { attend(prompt, out.part); });
    const double exact_seconds = best_seconds(3, [&] { attend(exact, out.part); });
    const double window_seconds = best_seconds(9, [&] { attend(window, out.part); });
    const double one_seconds = best_seconds(9, [&] {
      for (int64_t head = 0; head < heads; ++head) {
        one.kv_head = head;
        attend(one, out.part);
      }
    });
    const double row_pages = static_cast<double>(prompt.rows()) * keys / kPageTokens * 1e-9;
    fmt::print(
        "{:5} prompt {:6.1f} ns per row and page, exact {:6.1f}, a window of 512 {:6.1f}; one token {:5.1f} GB/s of {} "
        "MB   errors {:.1e} {:.1e}\n",
        name(dtype), seconds / row_pages, exact_seconds / row_pages,
        window_seconds / (static_cast<double>(prompt.rows()) * (512 + 128) / kPageTokens * 1e-9),
        static_cast<double>(memory.size()) / one_seconds / 1e9, memory.size() >> 20, error, exact_error);
  }
  return right ? 0 : 1;
}
