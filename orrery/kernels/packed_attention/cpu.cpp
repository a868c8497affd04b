#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/packed_attention/packed_attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/packed_attention/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#ifndef ORRERY_PACKED_ATTENTION_ONCE
#define ORRERY_PACKED_ATTENTION_ONCE
namespace orrery::kernels {
// A tile of scores is 16 KiB: with the operands of a product (heads of 64) it stays in a core's L1 and L2.
constexpr int64_t kTile = 64;
constexpr int64_t kMostLanes = 16;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

/// Rows of heads as the tiles have them: a multiple of any vector.
inline int64_t padded(int64_t head_dim) { return (head_dim + kMostLanes - 1) / kMostLanes * kMostLanes; }
inline int64_t tiles_of(int64_t tokens) { return (tokens + kTile - 1) / kTile; }
}  // namespace orrery::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// A left operand: entry (m, k) at data[m·row + k·col], so that either of a tile and its transpose may stand there.
struct Left {
  const float* data;
  int64_t row, col;
};

/// C [kRows, kVectors vectors] += A B, with B's rows `stride` apart and C's as well.
template <int kRows, int kVectors>
HWY_INLINE void MultiplyTile(const Left& a, const float* b, int64_t depth, float* c, int64_t stride) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[kRows][kVectors];
  for (int m = 0; m < kRows; ++m)
    for (int n = 0; n < kVectors; ++n) sums[m][n] = hn::LoadU(d, c + m * stride + n * lanes);
  for (int64_t k = 0; k < depth; ++k) {
    V right[kVectors];
    for (int n = 0; n < kVectors; ++n) right[n] = hn::LoadU(d, b + k * stride + n * lanes);
    for (int m = 0; m < kRows; ++m) {
      const V left = hn::Set(d, a.data[m * a.row + k * a.col]);
      for (int n = 0; n < kVectors; ++n) sums[m][n] = hn::MulAdd(left, right[n], sums[m][n]);
    }
  }
  for (int m = 0; m < kRows; ++m)
    for (int n = 0; n < kVectors; ++n) hn::StoreU(sums[m][n], d, c + m * stride + n * lanes);
}

/// C [rows, cols] += A [rows, depth] B [depth, cols]; B and C have rows of `cols`, a multiple of the lanes.
void Multiply(const Left& a, const float* b, int64_t rows, int64_t depth, int64_t cols, float* c) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t n = 0;
  const auto column = [&](auto vectors) HWY_ATTR {
    constexpr int kVectors = decltype(vectors)::value;
    int64_t m = 0;
    for (; m + 4 <= rows; m += 4)
      MultiplyTile<4, kVectors>({a.data + m * a.row, a.row, a.col}, b + n, depth, c + m * cols + n, cols);
    for (; m < rows; ++m)
      MultiplyTile<1, kVectors>({a.data + m * a.row, a.row, a.col}, b + n, depth, c + m * cols + n, cols);
  };
  for (; n + 2 * lanes <= cols; n += 2 * lanes) column(std::integral_constant<int, 2>());
  for (; n < cols; n += lanes) column(std::integral_constant<int, 1>());
}

/// Rows [first, first + count) of a head, times `scale`, as [count, width]; the padding is zero.
void Gather(HeadRows<const float> rows, int64_t offset, int64_t first, int64_t count, int64_t head_dim, float scale,
            float* out) {
  const int64_t width = padded(head_dim);
  for (int64_t t = 0; t < count; ++t, out += width) {
    const float* row = rows(first + t, offset);
    for (int64_t i = 0; i < head_dim; ++i) out[i] = row[i] * scale;
    std::fill(out + head_dim, out + width, 0.0f);
  }
}

/// The same of a whole row in tiles of [head_dim, kTile]: transposed.
void GatherTransposed(HeadRows<const float> rows, int64_t tokens, int64_t head_dim, float* out) {
  for (int64_t first = 0; first < tokens; first += kTile, out += head_dim * kTile) {
    const int64_t count = std::min(kTile, tokens - first);
    for (int64_t t = 0; t < count; ++t) {
      const float* row = rows(first + t);
      for (int64_t i = 0; i < head_dim; ++i) out[i * kTile + t] = row[i];
    }
    for (int64_t i = 0; i < head_dim; ++i) std::fill(out + i * kTile + count, out + (i + 1) * kTile, 0.0f);
  }
}

/// The queries of a tile and the keys of another.
struct TilePair {
  int64_t first_query, queries, first_key;

  /// What a query (of the tile) sees of the tile's keys, counted from its first.
  SeenKeys Seen(const PackedAttention& in, int64_t query) const {
    const SeenKeys seen = in.seen(first_query + query);
    const auto inside = [&](int64_t key) { return std::clamp<int64_t>(key - first_key, 0, kTile); };
    return {inside(seen.trunk_first), inside(seen.trunk_end), inside(seen.first), inside(seen.end)};
  }
  /// Whether any of them sees any.
  bool IsSeen(const PackedAttention& in) const {
    for (int64_t t = 0; t < queries; ++t)
      if (const SeenKeys seen = Seen(in, t); seen.trunk_first < seen.trunk_end || seen.first < seen.end) return true;
    return false;
  }
};

/// Scores of a pair of tiles, [kTile, kTile]; those that a query does not see are -inf.
void Score(const PackedAttention& in, const TilePair& pair, const float* queries, const float* keys_transposed,
           float* scores) {
  std::fill_n(scores, pair.queries * kTile, 0.0f);
  Multiply({queries, padded(in.head_dim), 1}, keys_transposed, pair.queries, in.head_dim, kTile, scores);
  for (int64_t t = 0; t < pair.queries; ++t) {
    float* row = scores + t * kTile;
    const SeenKeys seen = pair.Seen(in, t);
    std::fill(row, row + seen.trunk_first, kHidden);
    std::fill(row + seen.trunk_end, row + std::max(seen.trunk_end, seen.first), kHidden);
    std::fill(row + seen.end, row + kTile, kHidden);
  }
}

float LargestOf(const float* row) {
  const D d;
  V most = hn::LoadU(d, row);
  for (size_t i = hn::Lanes(d); i < kTile; i += hn::Lanes(d)) most = hn::Max(most, hn::LoadU(d, row + i));
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

/// row = e^(row - shift), 0 where row is -inf; the sum of it.
float ExpMinus(float* row, float shift) {
  const D d;
  V sum = hn::Zero(d);
  const V shifts = hn::Set(d, shift), floor = hn::Set(d, -1e30f);
  for (size_t i = 0; i < kTile; i += hn::Lanes(d)) {
    const V score = hn::LoadU(d, row + i);
    const V share = hn::IfThenElseZero(hn::Gt(score, floor), hn::Exp(d, hn::Sub(hn::Max(score, floor), shifts)));
    hn::StoreU(share, d, row + i);
    sum = hn::Add(sum, share);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void Scale(float* row, int64_t size, float factor) {
  const D d;
  const V factors = hn::Set(d, factor);
  for (int64_t i = 0; i < size; i += static_cast<int64_t>(hn::Lanes(d)))
    hn::StoreU(hn::Mul(hn::LoadU(d, row + i), factors), d, row + i);
}

void Forward(const PackedAttention& in, HeadRows<float> out, std::span<float> log_sum, std::span<float> scratch) {
  const int64_t width = padded(in.head_dim), tile_floats = in.head_dim * kTile;
  float* keys = scratch.data();                              // [tiles, head_dim, kTile]
  float* values = keys + tiles_of(in.tokens) * tile_floats;  // [tokens to whole tiles, width]
  float* queries = values + tiles_of(in.tokens) * kTile * width;
  float* mixed = queries + kTile * width;
  float* scores = mixed + kTile * width;
  float largest[kTile], sums[kTile];
  GatherTransposed(in.k, in.tokens, in.head_dim, keys);
  Gather(in.v, 0, 0, in.tokens, in.head_dim, 1, values);
  std::fill_n(values + in.tokens * width, (tiles_of(in.tokens) * kTile - in.tokens) * width, 0.0f);

  for (int64_t head = 0; head < in.group; ++head) {
    for (int64_t first = 0; first < in.tokens; first += kTile) {
      const int64_t count = std::min(kTile, in.tokens - first);
      Gather(in.q, head * in.head_dim, first, count, in.head_dim, in.scale, queries);
      std::fill_n(mixed, count * width, 0.0f);
      std::fill_n(largest, count, -1e30f);
      std::fill_n(sums, count, 0.0f);
      for (int64_t tile = 0; tile * kTile < first + count; ++tile) {
        const TilePair pair{first, count, tile * kTile};
        if (!pair.IsSeen(in)) continue;
        Score(in, pair, queries, keys + tile * tile_floats, scores);
        for (int64_t t = 0; t < count; ++t) {
          float* row = scores + t * kTile;
          const float most = std::max(largest[t], LargestOf(row));
          if (most > largest[t]) {
            const float faded = std::exp(largest[t] - most);
            Scale(mixed + t * width, width, faded);
            sums[t] *= faded;
            largest[t] = most;
          }
          sums[t] += ExpMinus(row, most);
        }
        Multiply({scores, kTile, 1}, values + tile * kTile * width, count, kTile, width, mixed);
      }
      for (int64_t t = 0; t < count; ++t) {
        float* row = out(first + t, head * in.head_dim);
        for (int64_t i = 0; i < in.head_dim; ++i) row[i] = mixed[t * width + i] / sums[t];
        log_sum[head * in.tokens + first + t] = largest[t] + std::log(sums[t]);
      }
    }
  }
}

/// d_scores = p ⊙ (d_p - own), both [kTile] long, in place of d_p.
void ScoreGradient(const float* p, float own, float* d_p) {
  const D d;
  const V owns = hn::Set(d, own);
  for (size_t i = 0; i < kTile; i += hn::Lanes(d))
    hn::StoreU(hn::Mul(hn::LoadU(d, p + i), hn::Sub(hn::LoadU(d, d_p + i), owns)), d, d_p + i);
}

void Backward(const PackedAttention& in, const PackedAttentionGradient& gradient, HeadRows<float> d_q,
              HeadRows<float> d_k, HeadRows<float> d_v, std::span<float> scratch) {
  const int64_t width = padded(in.head_dim), tile_floats = in.head_dim * kTile;
  const int64_t row_floats = tiles_of(in.tokens) * kTile * width;
  float* keys_transposed = scratch.data();
  float* values_transposed = keys_transposed + tiles_of(in.tokens) * tile_floats;
  float* keys = values_transposed + tiles_of(in.tokens) * tile_floats;
  float* d_keys = keys + row_floats;
  float* d_values = d_keys + row_floats;
  float* queries = d_values + row_floats;  // times the scale, as d_keys wants them
  float* d_out = queries + kTile * width;
  float* d_queries = d_out + kTile * width;
  float* p = d_queries + kTile * width;
  float* d_scores = p + kTile * kTile;
  float own[kTile];
  GatherTransposed(in.k, in.tokens, in.head_dim, keys_transposed);
  GatherTransposed(in.v, in.tokens, in.head_dim, values_transposed);
  Gather(in.k, 0, 0, in.tokens, in.head_dim, 1, keys);
  std::fill(keys + in.tokens * width, keys + row_floats, 0.0f);
  std::fill_n(d_keys, 2 * row_floats, 0.0f);

  for (int64_t head = 0; head < in.group; ++head) {
    const int64_t offset = head * in.head_dim;
    for (int64_t first = 0; first < in.tokens; first += kTile) {
      const int64_t count = std::min(kTile, in.tokens - first);
      Gather(in.q, offset, first, count, in.head_dim, in.scale, queries);
      Gather(gradient.d_out, offset, first, count, in.head_dim, 1, d_out);
      std::fill_n(d_queries, count * width, 0.0f);
      for (int64_t t = 0; t < count; ++t) {
        const float* out = gradient.out(first + t, offset);
        own[t] = 0;
        for (int64_t i = 0; i < in.head_dim; ++i) own[t] += out[i] * d_out[t * width + i];
      }
      for (int64_t tile = 0; tile * kTile < first + count; ++tile) {
        const TilePair pair{first, count, tile * kTile};
        if (!pair.IsSeen(in)) continue;
        Score(in, pair, queries, keys_transposed + tile * tile_floats, p);
        std::fill_n(d_scores, count * kTile, 0.0f);
        Multiply({d_out, width, 1}, values_transposed + tile * tile_floats, count, in.head_dim, kTile, d_scores);
        for (int64_t t = 0; t < count; ++t) {
          ExpMinus(p + t * kTile, gradient.log_sum[head * in.tokens + first + t]);
          ScoreGradient(p + t * kTile, own[t], d_scores + t * kTile);
        }
        const int64_t at = tile * kTile * width;
        Multiply({d_scores, kTile, 1}, keys + at, count, kTile, width, d_queries);
        Multiply({d_scores, 1, kTile}, queries, kTile, count, width, d_keys + at);
        Multiply({p, 1, kTile}, d_out, kTile, count, width, d_values + at);
      }
      for (int64_t t = 0; t < count; ++t) {
        float* row = d_q(first + t, offset);
        for (int64_t i = 0; i < in.head_dim; ++i) row[i] = d_queries[t * width + i] * in.scale;
      }
    }
  }
  for (int64_t t = 0; t < in.tokens; ++t) {
    std::copy_n(d_keys + t * width, in.head_dim, d_k(t));
    std::copy_n(d_values + t * width, in.head_dim, d_v(t));
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(Forward);
HWY_EXPORT(Backward);

int64_t packed_attention_scratch(int64_t tokens, int64_t head_dim) {
  const int64_t rows = tiles_of(tokens) * kTile;
  return rows * (2 * head_dim + 3 * padded(head_dim)) + 3 * kTile * padded(head_dim) + 2 * kTile * kTile;
}

void packed_attention(const PackedAttention& in, HeadRows<float> out, std::span<float> log_sum,
                      std::span<float> scratch) {
  if (isa() == Isa::kReference) return packed_attention_reference(in, out, log_sum);
  HWY_DYNAMIC_DISPATCH(Forward)(in, out, log_sum, scratch);
}

void packed_attention_backward(const PackedAttention& in, const PackedAttentionGradient& gradient, HeadRows<float> d_q,
                               HeadRows<float> d_k, HeadRows<float> d_v, std::span<float> scratch) {
  if (isa() == Isa::kReference) return packed_attention_backward_reference(in, gradient, d_q, d_k, d_v);
  HWY_DYNAMIC_DISPATCH(Backward)(in, gradient, d_q, d_k, d_v, scratch);
}

}  // namespace orrery::kernels
#endif
