#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "orrery/kernels/packed_attention/packed_attention.h"

namespace orrery::kernels {

namespace {

double dot(const float* a, const float* b, int64_t size) { return std::inner_product(a, a + size, b, 0.0); }

std::vector<int64_t> keys_of(const PackedAttention& in, int64_t query) {
  const SeenKeys seen = in.seen(query);
  std::vector<int64_t> keys;
  for (int64_t key = seen.trunk_first; key < seen.trunk_end; ++key) keys.push_back(key);
  for (int64_t key = seen.first; key < seen.end; ++key) keys.push_back(key);
  return keys;
}

/// The scores of one query with these keys.
std::vector<double> scores_of(const PackedAttention& in, int64_t query, int64_t head,
                              const std::vector<int64_t>& keys) {
  std::vector<double> scores;
  for (const int64_t key : keys)
    scores.push_back(in.scale * dot(in.q(query, head * in.head_dim), in.k(key), in.head_dim));
  return scores;
}

}  // namespace

void packed_attention_reference(const PackedAttention& in, HeadRows<float> out, std::span<float> log_sum) {
  for (int64_t head = 0; head < in.group; ++head) {
    for (int64_t query = 0; query < in.tokens; ++query) {
      const std::vector<int64_t> keys = keys_of(in, query);
      const std::vector<double> scores = scores_of(in, query, head, keys);
      const double largest = *std::ranges::max_element(scores);
      double sum = 0;
      for (double score : scores) sum += std::exp(score - largest);
      log_sum[head * in.tokens + query] = static_cast<float>(largest + std::log(sum));
      for (int64_t i = 0; i < in.head_dim; ++i) {
        double mixed = 0;
        for (size_t s = 0; s < scores.size(); ++s) mixed += std::exp(scores[s] - largest) / sum * in.v(keys[s])[i];
        out(query, head * in.head_dim)[i] = static_cast<float>(mixed);
      }
    }
  }
}

void packed_attention_backward_reference(const PackedAttention& in, const PackedAttentionGradient& gradient,
                                         HeadRows<float> d_q, HeadRows<float> d_k, HeadRows<float> d_v) {
  const int64_t size = in.head_dim;
  std::vector<double> d_keys(in.tokens * size), d_values(in.tokens * size);
  for (int64_t head = 0; head < in.group; ++head) {
    for (int64_t query = 0; query < in.tokens; ++query) {
      const std::vector<int64_t> keys = keys_of(in, query);
      const std::vector<double> scores = scores_of(in, query, head, keys);
      const float *q = in.q(query, head * size), *d_out = gradient.d_out(query, head * size);
      const double own = dot(gradient.out(query, head * size), d_out, size);
      std::vector<double> d_query(size);
      for (size_t s = 0; s < scores.size(); ++s) {
        const int64_t key = keys[s];
        const double p = std::exp(scores[s] - gradient.log_sum[head * in.tokens + query]);
        const double d_score = p * (dot(in.v(key), d_out, size) - own) * in.scale;
        for (int64_t i = 0; i < size; ++i) {
          d_query[i] += d_score * in.k(key)[i];
          d_keys[key * size + i] += d_score * q[i];
          d_values[key * size + i] += p * d_out[i];
        }
      }
      std::ranges::copy(d_query, d_q(query, head * size));
    }
  }
  for (int64_t key = 0; key < in.tokens; ++key) {
    std::copy_n(d_keys.begin() + key * size, size, d_k(key));
    std::copy_n(d_values.begin() + key * size, size, d_v(key));
  }
}

}  // namespace orrery::kernels
