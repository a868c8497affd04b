// int8 attention for prompts: 64 products an instruction, where float32 has 16 (after Zhang et al. 2024,
// "SageAttention": int8 scores, smoothed keys; here the values are int8 too).
//
// Queries are rounded once per row, pages once per task: a task of many rows makes that cost small. Each row of q and
// each key has a scale of its own, each dimension of a page's values too, and the weights of a page are 8 bits below
// their largest. Scores, maxima, sums and results stay float32.
//
// Queries and keys have a few large channels, with whose scale the others would be rounded. Both are turned by a
// Hadamard matrix first, which leaves their product as it is and spreads these channels (Ashkboos et al. 2024,
// "QuaRot").
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "orrery/base/buffer.h"
#include "orrery/kernels/attention/attention.h"

namespace orrery::kernels {
namespace {

#define ORRERY_INLINE inline __attribute__((always_inline))

constexpr float kLog2e = 1.44269504f, kLog2Of255 = 7.99435344f;
constexpr float kNever = -1e30f;  // the score of a key that a row does not see; infinities would make NaNs

ORRERY_INLINE __m512 load_halves(const uint16_t* at) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

// 16 elements from `at` of a page's part as floats, in steps of the scale for q8_0.
template <DType kType>
ORRERY_INLINE __m512 load_lanes(const std::byte* part, int64_t at) {
  if constexpr (kType == DType::kF16) return load_halves(reinterpret_cast<const uint16_t*>(part) + at);
  const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const int8_t*>(part) + at));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

// The same for the halves of 16 bytes of q4_0.
ORRERY_INLINE __m512 load_nibbles(const std::byte* at, bool upper) {
  const __m512i both = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  const __m512i q = upper ? _mm512_srli_epi32(both, 4) : _mm512_and_si512(both, _mm512_set1_epi32(15));
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_set1_epi32(8)));
}

template <DType kType>
struct PagePart {
  const KvFormat& format;
  const std::byte* part;
  const uint16_t* scales = reinterpret_cast<const uint16_t*>(part + format.element_bytes());

  ORRERY_INLINE __m512 keys(int64_t dim, int64_t key) const {  // 16 of them
    if constexpr (kType == DType::kF16) return load_lanes<kType>(part, dim * kPageTokens + key);
    const __m512 steps = kType == DType::kQ4_0 ? load_nibbles(part + dim / 2 * kPageTokens + key, dim % 2)
                                               : load_lanes<kType>(part, dim * kPageTokens + key);
    return _mm512_mul_ps(steps, load_halves(scales + dim / 32 * kPageTokens + key));
  }
  ORRERY_INLINE __m512 value(int64_t key, int64_t dim) const {  // 16 dimensions of it
    const int64_t at = key * format.head_dim + dim;
    if constexpr (kType == DType::kF16) return load_lanes<kType>(part, at);
    const __m512 steps =
        kType == DType::kQ4_0 ? load_nibbles(part + (at - dim % 32) / 2, dim / 16 % 2) : load_lanes<kType>(part, at);
    return _mm512_mul_ps(steps, _mm512_set1_ps(_cvtsh_ss(scales[key * (format.head_dim / 32) + dim / 32])));
  }
};

// Four vectors of integers in [-127, 127] as one vector of bytes: byte i of a lane is from vector i.
ORRERY_INLINE __m512i quad(const __m512i (&x)[4]) {
  const __m512i byte = _mm512_set1_epi32(255);
  __m512i out = _mm512_and_si512(x[0], byte);
  out = _mm512_or_si512(out, _mm512_slli_epi32(_mm512_and_si512(x[1], byte), 8));
  out = _mm512_or_si512(out, _mm512_slli_epi32(_mm512_and_si512(x[2], byte), 16));
  return _mm512_or_si512(out, _mm512_slli_epi32(x[3], 24));
}

// acc += 4 products per lane of unsigned and signed bytes. In assembly because GCC 12 copies and spills the sums of the
// intrinsic in a loop. four: 4 bytes in memory, the same for all lanes.
ORRERY_INLINE __m512i dot_with_all(__m512i acc, __m512i bytes, const int8_t* four) {
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(bytes), "m"(*reinterpret_cast<const int32_t*>(four)));
  return acc;
}
ORRERY_INLINE __m512i dot(__m512i acc, __m512i bytes, __m512i signed_bytes) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(bytes), "v"(signed_bytes));
  return acc;
}

// 2^x for x up to 8: 2^n by scalef, 2^f on [-1/2, 1/2] by the series of e^(f·ln 2) to f^4 (relative error 5e-5; a
// weight has 8 bits).
ORRERY_INLINE __m512 exp2_ps(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(9.6181291e-3f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5504109e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022651e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314718e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

// Dimensions of one Hadamard matrix: the largest power of two that divides head_dim.
constexpr int64_t hadamard_size(int64_t dims) { return dims & -dims; }

// x [dims] of one row, times the matrix; dims a multiple of 16.
void turn_row(float* x, int64_t dims) {
  for (int64_t at = 0; at < dims; at += 16) {
    const auto step = [](__m512 a, __m512 partner, __mmask16 upper) {  // a + partner; of upper lanes partner - a
      return _mm512_mask_sub_ps(_mm512_add_ps(a, partner), upper, partner, a);
    };
    __m512 a = _mm512_load_ps(x + at);
    a = step(a, _mm512_permute_ps(a, 0xb1), 0xaaaa);
    a = step(a, _mm512_permute_ps(a, 0x4e), 0xcccc);
    a = step(a, _mm512_shuffle_f32x4(a, a, 0xb1), 0xf0f0);
    a = step(a, _mm512_shuffle_f32x4(a, a, 0x4e), 0xff00);
    _mm512_store_ps(x + at, a);
  }
  for (int64_t half = 16; half < hadamard_size(dims); half *= 2) {
    for (int64_t first = 0; first < dims; first += 2 * half) {
      for (int64_t at = first; at < first + half; at += 16) {
        const __m512 a = _mm512_load_ps(x + at), b = _mm512_load_ps(x + at + half);
        _mm512_store_ps(x + at, _mm512_add_ps(a, b));
        _mm512_store_ps(x + at + half, _mm512_sub_ps(a, b));
      }
    }
  }
}

// The same for x [dims][16], 16 keys side by side.
void turn_keys(__m512* x, int64_t dims) {
  for (int64_t half = 1; half < hadamard_size(dims); half *= 2) {
    for (int64_t first = 0; first < dims; first += 2 * half) {
      for (int64_t at = first; at < first + half; ++at) {
        const __m512 a = x[at], b = x[at + half];
        x[at] = _mm512_add_ps(a, b);
        x[at + half] = _mm512_sub_ps(a, b);
      }
    }
  }
}

// The bits of a page's keys first … last - 1, from key `from` on, 16 of them.
ORRERY_INLINE __mmask16 bits_of(int64_t first, int64_t last, int64_t from) {
  const auto below = [from](int64_t key) { return (1u << std::clamp<int64_t>(key - from, 0, 16)) - 1; };
  return static_cast<__mmask16>(below(last) & ~below(first));
}

// What a task works with; one per thread, grown when a bigger task comes.
struct Scratch {
  float* centre;         // [head_dim]: what is taken off every key. Softmax does not see it.
  int8_t* q;             // [rows, head_dim]
  float* q_scales;       // [rows], with the factor of the scores and log2 e
  int32_t* q_offsets;    // [rows]: -128·Σq, what undoes the +128 of the keys
  float* largest;        // [rows], of scores that are powers of 2
  float* sums;           // [rows][16]: each lane's own
  float* values;         // [rows, head_dim]
  __m512* turned;        // [head_dim]: of 16 keys, or of one row
  __m512i* keys;         // [head_dim / 4][4]: 4 dimensions of 16 keys, + 128
  float* key_scales;     // [64]
  __m512i* page_values;  // [16][head_dim / 16]: 4 keys of 16 dimensions
  float* value_scales;   // [head_dim]

  Scratch(int64_t rows, int64_t dims) {
    thread_local Buffer kept;
    const size_t bytes = 4 * dims + rows * (dims + 12 + 64 + 4 * dims) + 2 * kPageTokens * dims + 4 * kPageTokens +
                         4 * dims + 64 * dims + 12 * 64;
    if (kept.size() < bytes) kept = Buffer(bytes);
    std::byte* at = kept.data();
    const auto take = [&]<class T>(T*& array, int64_t count) {
      array = reinterpret_cast<T*>(at);
      at += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    };
    take(centre, dims);
    take(q, rows * dims);
    take(q_scales, rows);
    take(q_offsets, rows);
    take(largest, rows);
    take(sums, rows * 16);
    take(values, rows * dims);
    take(turned, dims);
    take(keys, dims);
    take(key_scales, kPageTokens);
    take(page_values, dims);
    take(value_scales, dims);
  }
};

// Few channels of a model's keys are large, and much the same for all keys: without their mean 8 bits go further. Any
// vector would do; it is the mean of what the rows see of their first page.
template <DType kType>
void find_centre(const AttentionTask& task, const KeyRange& all, const Scratch& scratch) {
  const PagePart<kType> page{task.format, task.format.keys(task.page_of(all.first), task.kv_head)};
  const int64_t first = all.first % kPageTokens, last = std::min(kPageTokens, first + all.last - all.first);
  for (int64_t dim = 0; dim < task.format.head_dim; ++dim) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t key = first / 16 * 16; key < last; key += 16)
      sum = _mm512_mask_add_ps(sum, bits_of(first, last, key), sum, page.keys(dim, key));
    scratch.centre[dim] = _mm512_reduce_add_ps(sum) / static_cast<float>(last - first);
  }
}

void round_queries(const AttentionTask& task, int64_t padded, const Scratch& scratch) {
  const int64_t dims = task.format.head_dim;
  for (int64_t row = 0; row < padded; ++row) {
    const int64_t real = std::min(row, task.rows() - 1);
    const float* q = task.q + real / task.group * task.q_stride + real % task.group * dims;
    auto* x = reinterpret_cast<float*>(scratch.turned);
    std::memcpy(x, q, dims * 4);
    turn_row(x, dims);
    __m512 largest = _mm512_setzero_ps();
    for (int64_t dim = 0; dim < dims; dim += 16)
      largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_load_ps(x + dim)));
    const float most = std::max(_mm512_reduce_max_ps(largest), 1e-30f);
    const __m512 inverse = _mm512_set1_ps(127.0f / most);
    __m512i sum = _mm512_setzero_si512();
    for (int64_t dim = 0; dim < dims; dim += 16) {
      const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(x + dim), inverse));
      sum = _mm512_add_epi32(sum, rounded);
      _mm_store_si128(reinterpret_cast<__m128i*>(scratch.q + row * dims + dim), _mm512_cvtepi32_epi8(rounded));
    }
    scratch.q_scales[row] = most / 127.0f * task.scale * kLog2e / static_cast<float>(hadamard_size(dims));
    scratch.q_offsets[row] = -128 * _mm512_reduce_add_epi32(sum);
    scratch.largest[row] = kNever;
  }
  std::memset(scratch.sums, 0, padded * 64);
  std::memset(scratch.values, 0, padded * dims * 4);
}

// keys [head_dim][64] -> bytes, and a scale for each key
template <DType kType>
void round_keys(const AttentionTask& task, const std::byte* keys, const Scratch& scratch) {
  const PagePart<kType> page{task.format, keys};
  const int64_t dims = task.format.head_dim;
  for (int64_t key = 0; key < kPageTokens; key += 16) {
    for (int64_t dim = 0; dim < dims; ++dim)
      scratch.turned[dim] = _mm512_sub_ps(page.keys(dim, key), _mm512_set1_ps(scratch.centre[dim]));
    turn_keys(scratch.turned, dims);
    __m512 largest = _mm512_set1_ps(1e-30f);
    for (int64_t dim = 0; dim < dims; ++dim)  // of a NaN (an unused slot) the second operand stays
      largest = _mm512_max_ps(_mm512_abs_ps(scratch.turned[dim]), largest);
    _mm512_store_ps(scratch.key_scales + key, _mm512_mul_ps(largest, _mm512_set1_ps(1.0f / 127)));
    const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(127.0f), largest);
    for (int64_t dim = 0; dim < dims; dim += 4) {
      __m512i x[4];
      for (int i = 0; i < 4; ++i) x[i] = _mm512_cvtps_epi32(_mm512_mul_ps(scratch.turned[dim + i], inverse));
      scratch.keys[dim + key / 16] = _mm512_xor_si512(quad(x), _mm512_set1_epi8(-128));
    }
  }
}

// values [64][head_dim] -> bytes, and a scale for each dimension. Keys that are not in `seen` are zero: they may be
// anything.
template <DType kType>
void round_values(const AttentionTask& task, const std::byte* values, const KeyRange& seen, const Scratch& scratch) {
  const PagePart<kType> page{task.format, values};
  const int64_t dims = task.format.head_dim;
  for (int64_t dim = 0; dim < dims; dim += 16) {
    __m512 largest = _mm512_set1_ps(1e-30f);
    for (int64_t key = seen.first; key < seen.last; ++key)
      largest = _mm512_max_ps(_mm512_abs_ps(page.value(key, dim)), largest);
    _mm512_store_ps(scratch.value_scales + dim, _mm512_mul_ps(largest, _mm512_set1_ps(1.0f / 127)));
    const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(127.0f), largest);
    for (int64_t key = seen.first / 4 * 4; key < seen.last; key += 4) {
      __m512i x[4];
      for (int64_t i = 0; i < 4; ++i) {
        const bool zero = key + i < seen.first || key + i >= seen.last;
        const __m512 v = zero ? _mm512_setzero_ps() : page.value(key + i, dim);
        x[i] = _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse));
      }
      scratch.page_values[key / 4 * (dims / 16) + dim / 16] = quad(x);
    }
  }
}

// One page for 4 rows, of which row r sees the keys seen[r].
void page_rows(const Scratch& scratch, int64_t dims, int64_t row, const KeyRange (&seen)[4]) {
  __m512i dots[4][4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
#pragma GCC unroll 4
    for (auto& dot : dots[r]) dot = _mm512_set1_epi32(scratch.q_offsets[row + r]);
  }
  const int8_t* q = scratch.q + row * dims;
  for (int64_t dim = 0; dim < dims; dim += 4) {
    const __m512i* k = scratch.keys + dim;
    const __m512i at[4] = {k[0], k[1], k[2], k[3]};
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) dots[r][i] = dot_with_all(dots[r][i], at[i], q + r * dims + dim);
    }
  }

  alignas(64) uint8_t weights[4][kPageTokens];
  alignas(64) float changes[16];  // logarithms of what the rows' results so far, and this page's, are multiplied with
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    const float scale = scratch.q_scales[row + r];
    const bool some = !seen[r].empty(), every = seen[r].last - seen[r].first == kPageTokens;
    __m512 s[4];  // scores over `scale`
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      s[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(dots[r][i]), _mm512_load_ps(scratch.key_scales + 16 * i));
      if (!every) s[i] = _mm512_mask_mov_ps(_mm512_set1_ps(kNever), bits_of(seen[r].first, seen[r].last, 16 * i), s[i]);
    }
    const float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(s[0], s[1]), _mm512_max_ps(s[2], s[3])));
    const float page_largest = some ? most * scale : kNever;
    const float before = scratch.largest[row + r], now = std::max(before, page_largest);
    scratch.largest[row + r] = now;
    changes[r] = before - now;
    changes[4 + r] = some ? page_largest - now : kNever;
    const __m512 scales = _mm512_set1_ps(scale), base = _mm512_set1_ps(kLog2Of255 - most * scale);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512i weight = _mm512_cvtps_epi32(exp2_ps(_mm512_fmadd_ps(s[i], scales, base)));
      const __mmask16 kept = every ? 0xffff : bits_of(seen[r].first, seen[r].last, 16 * i);
      _mm_store_si128(reinterpret_cast<__m128i*>(weights[r] + 16 * i), _mm512_maskz_cvtusepi32_epi8(kept, weight));
    }
  }
  _mm512_store_ps(changes, exp2_ps(_mm512_castps256_ps512(_mm256_load_ps(changes))));

  __m512 shrink[4], factor[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    shrink[r] = _mm512_set1_ps(changes[r]);
    factor[r] = _mm512_set1_ps(changes[4 + r] * (1.0f / 255));
    const __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_load_si512(weights[r]), _mm512_set1_epi8(1));
    float* sums = scratch.sums + (row + r) * 16;
    _mm512_store_ps(
        sums, _mm512_fmadd_ps(_mm512_load_ps(sums), shrink[r], _mm512_mul_ps(_mm512_cvtepi32_ps(sum), factor[r])));
  }
  // Tokens ascend, so the rows' keys lie between the first one's first and the last one's last.
  const int64_t first_quad = seen[0].first / 4, quads = (seen[3].last + 3) / 4, vectors = dims / 16;
  for (int64_t vector = 0; vector < vectors; vector += 4) {
    const int64_t width = std::min<int64_t>(4, vectors - vector);
    const auto add = [&]<int kWidth>(std::integral_constant<int, kWidth>) {
      __m512i acc[4][kWidth];
#pragma GCC unroll 4
      for (auto& per_row : acc) {
#pragma GCC unroll 4
        for (auto& a : per_row) a = _mm512_setzero_si512();
      }
      for (int64_t i = first_quad; i < quads; ++i) {
        const __m512i* v = scratch.page_values + i * vectors + vector;
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
          int32_t four;
          std::memcpy(&four, weights[r] + 4 * i, 4);
          const __m512i w = _mm512_set1_epi32(four);
#pragma GCC unroll 4
          for (int j = 0; j < kWidth; ++j) acc[r][j] = dot(acc[r][j], w, v[j]);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
#pragma GCC unroll 4
        for (int j = 0; j < kWidth; ++j) {
          float* to = scratch.values + (row + r) * dims + (vector + j) * 16;
          const __m512 scale = _mm512_mul_ps(factor[r], _mm512_load_ps(scratch.value_scales + (vector + j) * 16));
          const __m512 kept = _mm512_mul_ps(_mm512_load_ps(to), shrink[r]);
          _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][j]), scale, kept));
        }
      }
    };
    if (width == 4) {
      add(std::integral_constant<int, 4>());
    } else if (width == 3) {
      add(std::integral_constant<int, 3>());
    } else if (width == 2) {
      add(std::integral_constant<int, 2>());
    } else {
      add(std::integral_constant<int, 1>());
    }
  }
}

// What the centre takes off every score of a row, which the row's sums do not see but other parts of its keys would.
float centre_score(const AttentionTask& task, int64_t row, const Scratch& scratch) {
  const float* q = task.q + row / task.group * task.q_stride + row % task.group * task.format.head_dim;
  __m512 sum = _mm512_setzero_ps();
  for (int64_t dim = 0; dim < task.format.head_dim; dim += 16)
    sum = _mm512_fmadd_ps(_mm512_loadu_ps(q + dim), _mm512_load_ps(scratch.centre + dim), sum);
  return task.scale * _mm512_reduce_add_ps(sum);
}

template <DType kType>
void attend_type(const AttentionTask& task, const AttentionPart& out) {
  const int64_t dims = task.format.head_dim, rows = task.rows(), padded = (rows + 3) / 4 * 4;
  const Scratch scratch(padded, dims);
  const KeyRange all = task.keys_of(0, task.tokens);
  round_queries(task, padded, scratch);
  if (!all.empty()) find_centre<kType>(task, all, scratch);
  for (int64_t first = all.first / kPageTokens * kPageTokens; first < all.last; first += kPageTokens) {
    const std::byte* page = task.page_of(first);
    const auto within = [first](const KeyRange& keys) {  // the page's share of them, counted from its first
      const int64_t begin = std::clamp<int64_t>(keys.first - first, 0, kPageTokens);
      return KeyRange{begin, std::clamp<int64_t>(keys.last - first, begin, kPageTokens)};
    };
    round_keys<kType>(task, task.format.keys(page, task.kv_head), scratch);
    round_values<kType>(task, task.format.values(page, task.kv_head), within(all), scratch);
    for (int64_t row = 0; row < rows; row += 4) {
      KeyRange seen[4];
      for (int64_t r = 0; r < 4; ++r) seen[r] = within(task.keys_of(std::min(row + r, rows - 1) / task.group));
      if (std::any_of(seen, seen + 4, [](const KeyRange& keys) { return !keys.empty(); }))
        page_rows(scratch, dims, row, seen);
    }
  }
  std::memcpy(out.values, scratch.values, rows * dims * 4);
  for (int64_t row = 0; row < rows; ++row) {
    out.sum[row] = _mm512_reduce_add_ps(_mm512_load_ps(scratch.sums + row * 16));
    out.largest[row] = out.sum[row] > 0 ? scratch.largest[row] / kLog2e + centre_score(task, row, scratch)
                                        : -std::numeric_limits<float>::infinity();
  }
}

}  // namespace

void attend_avx512(const AttentionTask& task, const AttentionPart& out) {
  if (task.format.dtype == DType::kF16) return attend_type<DType::kF16>(task, out);
  if (task.format.dtype == DType::kQ8_0) return attend_type<DType::kQ8_0>(task, out);
  attend_type<DType::kQ4_0>(task, out);
}

}  // namespace orrery::kernels
