// bfloat16 attention for prompts: 32 products an instruction, where float32 has 16.
//
// Queries are turned into pairs of bfloat16 once, pages once per task: a task of many rows (64 tokens × the group's
// heads) makes that cost small. Scores, maxima, sums and results stay float32; only factors of products are rounded (to
// 8 bits, relative error 2^-9).
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/buffer.h"
#include "orrery/kernels/attention/attention.h"

namespace orrery::kernels {
namespace {

#define ORRERY_INLINE inline __attribute__((always_inline))

constexpr float kLog2e = 1.44269504f;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr int64_t kPairs = kPageTokens / 2, kMaxHeadDim = 512;

ORRERY_INLINE __m512 load_halves(const uint16_t* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

// Two float vectors as one vector of pairs: lane i holds bfloat16(low[i]) below bfloat16(high[i]).
ORRERY_INLINE __m512i pair_up(__m512 low, __m512 high) {
  const __m512i l = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(low));
  const __m512i h = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(high));
  return _mm512_or_si512(l, _mm512_slli_epi32(h, 16));
}

ORRERY_INLINE __m512 dot2(__m512 acc, __m512i pairs, uint32_t broadcast) {
  return _mm512_dpbf16_ps(acc, (__m512bh)pairs, (__m512bh)_mm512_set1_epi32(static_cast<int>(broadcast)));
}

// 16 elements from `at` of a page's part as floats; q8_0 is multiplied with the scale by the caller.
template <DType kType>
ORRERY_INLINE __m512 load_lanes(const std::byte* part, int64_t at) {
  if constexpr (kType == DType::kF16) return load_halves(reinterpret_cast<const uint16_t*>(part) + at);
  const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const int8_t*>(part) + at));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

// keys [head_dim][64] -> pairs of dimensions [head_dim / 2][64]
template <DType kType>
void pair_keys(const KvFormat& format, const std::byte* keys, __m512i* out) {
  const auto* scales = reinterpret_cast<const uint16_t*>(keys + format.elements());
  for (int64_t dim = 0; dim < format.head_dim; dim += 2) {
    for (int64_t key = 0; key < kPageTokens; key += 16) {
      __m512 low = load_lanes<kType>(keys, dim * kPageTokens + key),
             high = load_lanes<kType>(keys, (dim + 1) * kPageTokens + key);
      if constexpr (kType == DType::kQ8_0) {
        const __m512 scale = load_halves(scales + dim / 32 * kPageTokens + key);
        low = _mm512_mul_ps(low, scale);
        high = _mm512_mul_ps(high, scale);
      }
      *out++ = pair_up(low, high);
    }
  }
}

// values [64][head_dim] -> pairs of keys [32][head_dim]
template <DType kType>
void pair_values(const KvFormat& format, const std::byte* values, __m512i* out) {
  const int64_t dims = format.head_dim;
  const auto* scales = reinterpret_cast<const uint16_t*>(values + format.elements());
  for (int64_t key = 0; key < kPageTokens; key += 2) {
    for (int64_t dim = 0; dim < dims; dim += 16) {
      __m512 low = load_lanes<kType>(values, key * dims + dim),
             high = load_lanes<kType>(values, (key + 1) * dims + dim);
      if constexpr (kType == DType::kQ8_0) {
        low = _mm512_mul_ps(low, _mm512_set1_ps(_cvtsh_ss(scales[key * (dims / 32) + dim / 32])));
        high = _mm512_mul_ps(high, _mm512_set1_ps(_cvtsh_ss(scales[(key + 1) * (dims / 32) + dim / 32])));
      }
      *out++ = pair_up(low, high);
    }
  }
}

// 2^x for x <= 0: 2^n by scalef, 2^f on [-1/2, 1/2] by the series of e^(f·ln 2) to f^5 (relative error 3e-6, bfloat16's
// is 2e-3).
ORRERY_INLINE __m512 exp2_ps(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(1.3333558e-3f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6181291e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5504109e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022651e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314718e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

// What a task keeps beside its result; one per thread, grown when a bigger task comes.
struct Scratch {
  Buffer buffer;
  uint32_t* q;      // [rows, head_dim / 2] pairs of dimensions
  __m512i* keys;    // [head_dim / 2][4]
  __m512i* values;  // [32][head_dim / 16]
  __m512* sums;     // [rows]: each lane's own

  Scratch(int64_t rows, int64_t dims) {
    const size_t q_bytes = (rows * dims * 2 + 63) / 64 * 64, page_bytes = kPageTokens * dims * 2;
    thread_local Buffer kept;
    const size_t bytes = q_bytes + 2 * page_bytes + rows * 64;
    if (kept.size() < bytes) kept = Buffer(bytes);
    std::byte* at = kept.data();
    q = reinterpret_cast<uint32_t*>(at);
    keys = reinterpret_cast<__m512i*>(at + q_bytes);
    values = reinterpret_cast<__m512i*>(at + q_bytes + page_bytes);
    sums = reinterpret_cast<__m512*>(at + q_bytes + 2 * page_bytes);
  }
};

// One page for 4 rows: scores, weights and values in registers as far as they go (16 sums, 4 vectors of the page).
void page_rows(const Scratch& scratch, int64_t dims, int64_t row, const int64_t (&counts)[4],
               const AttentionPart& out) {
  __m512 scores[4][4];
  for (auto& per_row : scores) {
    for (auto& s : per_row) s = _mm512_setzero_ps();
  }
  const uint32_t* q = scratch.q + row * (dims / 2);
  for (int64_t pair = 0; pair < dims / 2; ++pair) {
    const __m512i* k = scratch.keys + pair * 4;
    const __m512i k0 = k[0], k1 = k[1], k2 = k[2], k3 = k[3];
    for (int r = 0; r < 4; ++r) {
      const uint32_t x = q[r * (dims / 2) + pair];
      scores[r][0] = dot2(scores[r][0], k0, x);
      scores[r][1] = dot2(scores[r][1], k1, x);
      scores[r][2] = dot2(scores[r][2], k2, x);
      scores[r][3] = dot2(scores[r][3], k3, x);
    }
  }
  alignas(64) uint32_t weights[4][kPairs];
  __m512 shrink[4];
  for (int r = 0; r < 4; ++r) {
    __m512(&s)[4] = scores[r];
    if (counts[r] < kPageTokens) {
      for (int i = 0; i < 4; ++i) {
        const int64_t seen = std::clamp<int64_t>(counts[r] - 16 * i, 0, 16);
        s[i] = _mm512_mask_mov_ps(_mm512_set1_ps(kMinusInfinity), static_cast<__mmask16>((1u << seen) - 1), s[i]);
      }
    }
    const float page_largest =
        _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(s[0], s[1]), _mm512_max_ps(s[2], s[3])));
    const float before = out.largest[row + r], now = std::max(before, page_largest);
    out.largest[row + r] = now;
    shrink[r] = exp2_ps(_mm512_set1_ps(before == now ? 0.0f : std::max(before - now, -200.0f)));
    const __m512 base = _mm512_set1_ps(now == kMinusInfinity ? 0.0f : now);  // no key seen yet: all weights become 0
    __m512 total = _mm512_mul_ps(scratch.sums[row + r], shrink[r]);
    for (auto& w : s) {
      w = exp2_ps(_mm512_max_ps(_mm512_sub_ps(w, base), _mm512_set1_ps(-200.0f)));
      total = _mm512_add_ps(total, w);
    }
    scratch.sums[row + r] = total;
    _mm512_store_si512(weights[r], (__m512i)_mm512_cvtne2ps_pbh(s[1], s[0]));
    _mm512_store_si512(weights[r] + 16, (__m512i)_mm512_cvtne2ps_pbh(s[3], s[2]));
  }
  const int64_t last_pair = (std::max({counts[0], counts[1], counts[2], counts[3]}) + 1) / 2;
  for (int64_t dim = 0; dim < dims; dim += 32) {
    float* to = out.values + row * dims + dim;
    __m512 acc[4][2];
    for (int r = 0; r < 4; ++r) {
      acc[r][0] = _mm512_mul_ps(_mm512_loadu_ps(to + r * dims), shrink[r]);
      acc[r][1] = _mm512_mul_ps(_mm512_loadu_ps(to + r * dims + 16), shrink[r]);
    }
    for (int64_t pair = 0; pair < last_pair; ++pair) {
      const __m512i* v = scratch.values + pair * (dims / 16) + dim / 16;
      const __m512i v0 = v[0], v1 = v[1];
      for (int r = 0; r < 4; ++r) {
        acc[r][0] = dot2(acc[r][0], v0, weights[r][pair]);
        acc[r][1] = dot2(acc[r][1], v1, weights[r][pair]);
      }
    }
    for (int r = 0; r < 4; ++r) {
      _mm512_storeu_ps(to + r * dims, acc[r][0]);
      _mm512_storeu_ps(to + r * dims + 16, acc[r][1]);
    }
  }
}

}  // namespace

void attend_avx512(const AttentionTask& task, const AttentionPart& out) {
  const int64_t dims = task.format.head_dim, rows = task.rows(), padded = (rows + 3) / 4 * 4;
  const Scratch scratch(padded, dims);
  for (int64_t row = 0; row < padded; ++row) {
    const int64_t real = std::min(row, rows - 1), token = real / task.group;
    const float* q = task.q + token * task.q_stride + real % task.group * dims;
    const __m512 factor = _mm512_set1_ps(task.scale * kLog2e);  // so that weights are powers of 2
    for (int64_t dim = 0; dim < dims; dim += 32) {
      const __m512 low = _mm512_mul_ps(_mm512_loadu_ps(q + dim), factor),
                   high = _mm512_mul_ps(_mm512_loadu_ps(q + dim + 16), factor);
      _mm512_store_si512(scratch.q + (row * dims + dim) / 2, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    scratch.sums[row] = _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < rows * dims; ++i) out.values[i] = 0;
  for (int64_t row = 0; row < rows; ++row) out.largest[row] = kMinusInfinity;

  // The last rows of a task that is no multiple of 4 are done on copies.
  alignas(64) float spare_values[4 * kMaxHeadDim], spare_largest[4];
  const int64_t whole = rows / 4 * 4;
  for (int64_t key = task.first_key; key < task.last_key; key += kPageTokens) {
    const std::byte* page = task.page_of(key);
    const std::byte *keys = task.format.keys(page, task.kv_head), *values = task.format.values(page, task.kv_head);
    if (task.format.dtype == DType::kF16) {
      pair_keys<DType::kF16>(task.format, keys, scratch.keys);
      pair_values<DType::kF16>(task.format, values, scratch.values);
    } else {
      pair_keys<DType::kQ8_0>(task.format, keys, scratch.keys);
      pair_values<DType::kQ8_0>(task.format, values, scratch.values);
    }
    for (int64_t row = 0; row < rows; row += 4) {
      int64_t counts[4], most = 0;
      for (int64_t r = 0; r < 4; ++r) {
        const int64_t token = std::min(row + r, rows - 1) / task.group;
        counts[r] = std::clamp<int64_t>(std::min(task.last_key, task.first_position + token + 1) - key, 0, kPageTokens);
        most = std::max(most, counts[r]);
      }
      if (most == 0) continue;
      if (row < whole) {
        page_rows(scratch, dims, row, counts, out);
        continue;
      }
      const AttentionPart spare{spare_values - row * dims, spare_largest - row, nullptr};
      for (int64_t r = 0; r < 4; ++r) {
        const int64_t real = std::min(row + r, rows - 1);
        std::copy_n(out.values + real * dims, dims, spare_values + r * dims);
        spare_largest[r] = out.largest[real];
      }
      page_rows(scratch, dims, row, counts, spare);
      for (int64_t r = 0; row + r < rows; ++r) {
        std::copy_n(spare_values + r * dims, dims, out.values + (row + r) * dims);
        out.largest[row + r] = spare_largest[r];
      }
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    out.sum[row] = _mm512_reduce_add_ps(scratch.sums[row]);
    out.largest[row] /= kLog2e;
  }
}

}  // namespace orrery::kernels
