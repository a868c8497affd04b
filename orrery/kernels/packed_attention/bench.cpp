// Checks both passes against the reference, then times them on one core: operations per second of visible pairs.
#include <fmt/format.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/packed_attention/packed_attention.h"

using namespace orrery::kernels;

namespace {

std::vector<float> normal(int64_t size, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> values(size);
  for (float& value : values) value = draw(random);
  return values;
}

float worst(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

void time(int64_t tokens, int64_t head_dim, int64_t group) {
  const int64_t width = head_dim * group;
  const std::vector<float> q = normal(tokens * width, 1), k = normal(tokens * head_dim, 2),
                           v = normal(tokens * head_dim, 3), d_out = normal(tokens * width, 4);
  std::vector<float> out(q.size()), log_sum(group * tokens), d_q(q.size()), d_k(k.size()), d_v(v.size()),
      scratch(packed_attention_scratch(tokens, head_dim)), expected(q.size()), d_expected(q.size());
  const PackedAttention in{.tokens = tokens,
                           .head_dim = head_dim,
                           .group = group,
                           .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                           .q = {q.data(), width},
                           .k = {k.data(), head_dim},
                           .v = {v.data(), head_dim}};
  const auto forward = [&] { packed_attention(in, {out.data(), width}, log_sum, scratch); };
  const auto backward = [&] {
    packed_attention_backward(in, {{out.data(), width}, {d_out.data(), width}, log_sum}, {d_q.data(), width},
                              {d_k.data(), head_dim}, {d_v.data(), head_dim}, scratch);
  };
  packed_attention_reference(in, {expected.data(), width}, log_sum);
  packed_attention_backward_reference(in, {{expected.data(), width}, {d_out.data(), width}, log_sum},
                                      {d_expected.data(), width}, {d_k.data(), head_dim}, {d_v.data(), head_dim});
  forward();
  backward();
  const double pairs = 0.5 * static_cast<double>(tokens * (tokens + 1) * group * head_dim);
  const double forward_seconds = best_seconds(10, forward), backward_seconds = best_seconds(10, backward);
  fmt::print(
      "{:5} tokens, heads of {:3}, groups of {}: forward {:6.2f} ms, {:5.1f} GFLOP/s; backward {:6.2f} ms, {:5.1f} "
      "GFLOP/s; "
      "largest differences {:.1e}, {:.1e}\n",
      tokens, head_dim, group, forward_seconds * 1e3, 4 * pairs / forward_seconds / 1e9, backward_seconds * 1e3,
      10 * pairs / backward_seconds / 1e9, worst(out, expected), worst(d_q, d_expected));
}

}  // namespace

int main() {
  fmt::print("packed attention, {}\n", name(isa()));
  for (const int64_t tokens : {64, 256, 1024, 4096}) time(tokens, 64, 3);
  time(1024, 128, 4);
  time(1024, 80, 1);
}
