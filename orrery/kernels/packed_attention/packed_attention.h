// Causal attention of whole rows for training, forward and backward, in memory linear in the length: the scores are
// computed tile by tile, and again in the backward pass (Dao et al. 2022, "FlashAttention"; Dao 2023, sec. 3.1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

namespace orrery::kernels {

/// Heads of consecutive tokens: the first head of token t begins at data + t·stride, head g of it at + g·head_dim.
template <class T>
struct HeadRows {
  T* data = nullptr;
  int64_t stride = 0;

  T* operator()(int64_t token, int64_t offset = 0) const { return data + token * stride + offset; }
  operator HeadRows<const T>() const requires(!std::is_const_v<T>) { return {data, stride}; }
};

/// Keys that a query sees: [trunk_first, trunk_end) and [first, end).
struct SeenKeys {
  int64_t trunk_first, trunk_end, first, end;
};

/// One key-value head of one row, and the query heads that share it (Ainslie et al. 2023). A query at position p sees
/// the keys at positions from p - window + 1 to p. A row may branch: what comes before the first branch is seen by all
/// branches, which see nothing of each other and stand at the same positions (answers to one prompt).
struct PackedAttention {
  int64_t tokens = 0, head_dim = 0;
  int64_t group = 1;   ///< query heads
  int64_t window = 0;  ///< keys that a query sees, its own included; 0: all
  float scale = 1;     ///< of the scores, before the softmax
  HeadRows<const float> q, k, v;
  std::span<const int64_t> branches;  ///< where each begins, ascending; none: one row of tokens

  SeenKeys seen(int64_t query) const {
    const int64_t trunk = branches.empty() ? 0 : branches[0];
    int64_t begin = 0;  // of the query's branch
    for (const int64_t branch : branches)
      if (branch <= query) begin = branch;
    const bool branched = !branches.empty() && query >= trunk;
    const int64_t position = branched ? trunk + query - begin : query;
    const int64_t first = window > 0 && position >= window ? position - window + 1 : 0;
    if (!branched) return {0, 0, first, query + 1};
    return {std::min(first, trunk), trunk, begin + std::max<int64_t>(0, first - trunk), query + 1};
  }
};

/// out = softmax(scale·q kᵀ) v for each query head; log_sum [group, tokens]: the logarithm of each softmax's
/// denominator, for the backward pass. 4·head_dim operations per visible pair and query head.
/// scratch: packed_attention_scratch() floats.
void packed_attention(const PackedAttention& in, HeadRows<float> out, std::span<float> log_sum,
                      std::span<float> scratch);

/// What the backward pass reads besides its forward's input: the forward's results and the gradient of `out`.
struct PackedAttentionGradient {
  HeadRows<const float> out, d_out;
  std::span<const float> log_sum;
};

/// Writes d_q (all query heads), d_k and d_v. 10·head_dim operations per visible pair and query head.
void packed_attention_backward(const PackedAttention& in, const PackedAttentionGradient& gradient, HeadRows<float> d_q,
                               HeadRows<float> d_k, HeadRows<float> d_v, std::span<float> scratch);

/// Floats that either pass needs beside its arguments; linear in the tokens.
int64_t packed_attention_scratch(int64_t tokens, int64_t head_dim);

/// In plain loops, with sums in float64.
void packed_attention_reference(const PackedAttention& in, HeadRows<float> out, std::span<float> log_sum);
void packed_attention_backward_reference(const PackedAttention& in, const PackedAttentionGradient& gradient,
                                         HeadRows<float> d_q, HeadRows<float> d_k, HeadRows<float> d_v);

}  // namespace orrery::kernels
