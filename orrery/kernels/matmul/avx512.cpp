// AVX-512 with VNNI. A strip's 16 rows are the 16 lanes of a register. One vpdpbusd multiplies 4 columns of 16
// rows with 4 activations broadcast from memory: 64 products a cycle on Zen 4 and Ice Lake, so a block of 32 columns
// and one token costs 8 of them and 3 operations to scale (cvt, mul, fma).
#include <immintrin.h>

#include <atomic>
#include <cstring>

#include "orrery/kernels/matmul/instruction_sets.h"
#include "orrery/kernels/matmul/with_block_kind.h"

namespace orrery::kernels {
namespace {

#define ORRERY_INLINE inline __attribute__((always_inline))

ORRERY_INLINE __m512i load(const void* at) { return _mm512_load_si512(at); }
ORRERY_INLINE __m512 halves_at(const std::byte* at) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(at)));
}
ORRERY_INLINE __m512 bytes_at(const std::byte* at) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(at))));
}
ORRERY_INLINE __m512 signed_bytes_at(const std::byte* at) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(at))));
}
// acc + Σ of 4 columns: unsigned weights times the 4 signed activations at `x`. In assembly: GCC 12 loads and
// broadcasts in an instruction of its own, and copies the sums.
ORRERY_INLINE __m512i dot4(__m512i acc, __m512i weights, const int8_t* x) {
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(weights), "m"(*reinterpret_cast<const int32_t*>(x)));
  return acc;
}

// One chunk of a block kind's strip: what differs between the kinds. Blocks are counted from the chunk's first.
template <PackedKind kKind>
struct Chunk {
  static constexpr bool kMin = kKind == PackedKind::kQ4_1 || kKind == PackedKind::kQ5_1 || kKind == PackedKind::kQ4_K ||
                               kKind == PackedKind::kQ5_K;
  static constexpr bool kK = kKind == PackedKind::kQ4_K || kKind == PackedKind::kQ5_K || kKind == PackedKind::kQ6_K;
  static constexpr bool kHalves = kKind == PackedKind::kQ6_K;
  static constexpr int kBits = kKind == PackedKind::kQ8_0   ? 8
                               : kKind == PackedKind::kQ6_K ? 6
                               : kKind == PackedKind::kQ5_0 || kKind == PackedKind::kQ5_1 || kKind == PackedKind::kQ5_K
                                   ? 5
                                   : 4;
  static constexpr int kOffset = kMin                         ? 0
                                 : kKind == PackedKind::kQ4_0 ? 8
                                 : kKind == PackedKind::kQ5_0 ? 16
                                 : kHalves                    ? 32
                                                              : 128;
  static constexpr int kOffsetShift = kOffset == 8 ? 4 : kOffset == 16 ? 3 : kOffset == 32 ? 2 : 0;  // from 128
  static constexpr ChunkLayout kChunk = chunk_layout(kKind);

  const std::byte* chunk;

  ORRERY_INLINE __m512 scale(int64_t block, int half = 0) const {
    if constexpr (kHalves) {
      return _mm512_mul_ps(halves_at(chunk + kChunk.scales),
                           signed_bytes_at(chunk + kChunk.sub_scales + (2 * block + half) * 16));
    } else if constexpr (kK) {
      return _mm512_mul_ps(halves_at(chunk + kChunk.scales), bytes_at(chunk + kChunk.sub_scales + block * 16));
    } else {
      return halves_at(chunk + kChunk.scales + block * 32);
    }
  }

  ORRERY_INLINE __m512 min(int64_t block) const {
    if constexpr (kK) {
      const __m512 minus = _mm512_sub_ps(_mm512_setzero_ps(), halves_at(chunk + kChunk.mins));
      return _mm512_mul_ps(minus, bytes_at(chunk + kChunk.sub_mins + block * 16));
    } else {
      return halves_at(chunk + kChunk.mins + block * 32);
    }
  }

  // The block's 8 vectors of unsigned quants, kOffset above the weight (or the weight itself where there are mins).
  ORRERY_INLINE void quants(int64_t block, __m512i (&q)[8]) const {
    const std::byte* at = chunk + kChunk.quants + block * kChunk.block_bytes;
    if constexpr (kBits == 8) {
      for (int j = 0; j < 8; ++j) q[j] = load(at + 64 * j);
      return;
    }
    const __m512i low = _mm512_set1_epi8(15);
    for (int j = 0; j < 4; ++j) {
      const __m512i both = load(at + (kBits == 5 ? 64 : 0) + 64 * j);
      q[j] = _mm512_and_si512(both, low);
      q[j + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
    }
    if constexpr (kKind == PackedKind::kIQ4_NL) {
      const __m512i levels = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kIq4NlPlus128)));
      for (int j = 0; j < 8; ++j) q[j] = _mm512_shuffle_epi8(levels, q[j]);
    }
    if constexpr (kBits == 5) {
      const auto* fifth = reinterpret_cast<const uint64_t*>(at);
      for (int j = 0; j < 8; ++j)
        q[j] = _mm512_mask_add_epi8(q[j], _cvtu64_mask64(fifth[j]), q[j], _mm512_set1_epi8(16));
    }
    if constexpr (kBits == 6) {
      const __m512i pair = _mm512_set1_epi8(0x30);
      for (int h = 0; h < 2; ++h) {
        const __m512i upper = load(at + 256 + 64 * h);
        q[4 * h] = _mm512_ternarylogic_epi32(q[4 * h], _mm512_slli_epi16(upper, 4), pair, 0xf8);  // a | (b & c)
        q[4 * h + 1] = _mm512_ternarylogic_epi32(q[4 * h + 1], _mm512_slli_epi16(upper, 2), pair, 0xf8);
        q[4 * h + 2] = _mm512_ternarylogic_epi32(q[4 * h + 2], upper, pair, 0xf8);
        q[4 * h + 3] = _mm512_ternarylogic_epi32(q[4 * h + 3], _mm512_srli_epi16(upper, 2), pair, 0xf8);
      }
    }
  }
};

// Σ over a block (or one half of it) of weights q times the activations xq, the offset of unsigned weights undone. Two
// chains, since vpdpbusd has a latency of 4.
template <class C>
ORRERY_INLINE __m512i block_dot(const __m512i (&q)[8], int half, const int8_t* xq, int32_t offset) {
  __m512i even = C::kMin ? _mm512_setzero_si512() : _mm512_set1_epi32(offset >> C::kOffsetShift),
          odd = _mm512_setzero_si512();
  const int first = C::kHalves ? 4 * half : 0, last = C::kHalves ? first + 4 : 8;
  for (int j = first; j < last; j += 2) {
    even = dot4(even, q[j], xq + 4 * j);
    odd = dot4(odd, q[j + 1], xq + 4 * j + 4);
  }
  return _mm512_add_epi32(even, odd);
}

// Straight from the packed strip, for 1 to 4 tokens. Bound by memory: one linear stream, which the hardware prefetches
// by itself (asking ahead in software changed nothing between 512 and 12288 bytes on Zen 4).
template <PackedKind kKind, int kTokens>
void block_tile_of(const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  using C = Chunk<kKind>;
  __m512 acc[kTokens], min_acc[kTokens];
  for (int t = 0; t < kTokens; ++t) acc[t] = min_acc[t] = _mm512_setzero_ps();
  const int64_t blocks = cols / kBlock;
  for (int64_t first = 0; first < blocks; first += C::kChunk.blocks, strip += C::kChunk.bytes) {
    const C w{strip};
    for (int64_t b = 0; b < C::kChunk.blocks && first + b < blocks; ++b) {
      __m512i q[8];
      w.quants(b, q);
      for (int t = 0; t < kTokens; ++t) {
        const int64_t at = (first + b) * kTokens + t;
        const bool fine = x.has_fine[first + b] != 0;
        const __m512 x_scale = _mm512_set1_ps(x.scales[at] * (fine ? 1.0f / 256 : 1.0f));
        for (int half = 0; half < (C::kHalves ? 2 : 1); ++half) {
          const int64_t part = C::kHalves ? (2 * (first + b) + half) * kTokens + t : at;
          const int32_t *offsets = C::kHalves ? x.half_offsets : x.offsets,
                        *fine_offsets = C::kHalves ? x.fine_half_offsets : x.fine_offsets;
          __m512i dot = block_dot<C>(q, half, x.quants + at * kBlock, offsets[part]);
          if (fine)
            dot = _mm512_add_epi32(_mm512_slli_epi32(dot, 8),
                                   block_dot<C>(q, half, x.fine + at * kBlock, fine_offsets[part]));
          acc[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(w.scale(b, half), x_scale), acc[t]);
        }
        if constexpr (C::kMin) min_acc[t] = _mm512_fmadd_ps(w.min(b), _mm512_set1_ps(x.sums[at]), min_acc[t]);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    _mm512_store_ps(tile + t * kStripRows, C::kMin ? _mm512_add_ps(acc[t], min_acc[t]) : acc[t]);
  }
}

template <PackedKind kKind>
void open_strip_of(const std::byte* strip, int64_t cols, const OpenStrip& out) {
  using C = Chunk<kKind>;
  const __m512i raise = _mm512_set1_epi8(static_cast<char>(C::kMin ? 0 : 128 - C::kOffset));
  const int64_t blocks = cols / kBlock;
  for (int64_t first = 0; first < blocks; first += C::kChunk.blocks, strip += C::kChunk.bytes) {
    const C w{strip};
    for (int64_t b = 0; b < C::kChunk.blocks && first + b < blocks; ++b) {
      const int64_t block = first + b;
      __m512i q[8];
      w.quants(b, q);
      for (int j = 0; j < 8; ++j) _mm512_store_si512(out.quants + (block * 8 + j) * 64, _mm512_add_epi8(q[j], raise));
      if constexpr (C::kHalves) {
        for (int half = 0; half < 2; ++half)
          _mm512_store_ps(out.scales + (2 * block + half) * kStripRows, w.scale(b, half));
      } else {
        _mm512_store_ps(out.scales + block * kStripRows, w.scale(b));
      }
      if constexpr (C::kMin) _mm512_store_ps(out.mins + block * kStripRows, w.min(b));
    }
  }
}

// acc[t] += Σ_k w[k][16]·x[k][t], the plain product of float columns.
template <int kTokens, class Load>
ORRERY_INLINE void add_columns(__m512 (&acc)[kTokens], int64_t cols, const float* x, const Load& column) {
  for (int64_t k = 0; k < cols; ++k) {
    const __m512 w = column(k);
    for (int t = 0; t < kTokens; ++t) acc[t] = _mm512_fmadd_ps(w, _mm512_set1_ps(x[k * kTokens + t]), acc[t]);
  }
}

// Registers: 16 sums, 8 vectors of weights, 4 tokens' integer sums in flight (vpdpbusd has a latency of 4), 1 scale.
// The mins are a small float product of their own: with them in the same loop the sums spill.
template <bool kMin, bool kHalves, int kTokens>
void open_tile_of(const OpenStrip& w, int64_t cols, const RowGroup& x, float* tile) {
  constexpr int kInFlight = kTokens < 4 ? kTokens : 4;
  __m512 acc[kTokens];
  for (auto& a : acc) a = _mm512_setzero_ps();
  if constexpr (kMin) {
    add_columns(acc, cols / kBlock, x.sums, [&](int64_t block) { return _mm512_load_ps(w.mins + block * kStripRows); });
    for (int t = 0; t < kTokens; ++t) _mm512_store_ps(tile + t * kStripRows, acc[t]);
    for (auto& a : acc) a = _mm512_setzero_ps();
  }
  for (int64_t block = 0; block < cols / kBlock; ++block) {
    __m512i q[8];
    for (int j = 0; j < 8; ++j) q[j] = load(w.quants + (block * 8 + j) * 64);
    const int8_t *xq = x.quants + block * kTokens * kBlock, *fine = x.fine + block * kTokens * kBlock;
    const float* x_scales = x.scales + block * kTokens;
    const bool has_fine = x.has_fine[block] != 0;
    for (int64_t at = 0; at < w.ahead_bytes; at += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(w.ahead + block * w.ahead_bytes + at), _MM_HINT_T0);
    }
    for (int half = 0; half < (kHalves ? 2 : 1); ++half) {
      const int64_t part = kHalves ? (2 * block + half) * kTokens : block * kTokens;
      const int32_t* offsets = (kHalves ? x.half_offsets : x.offsets) + part;
      const int32_t* fine_offsets = (kHalves ? x.fine_half_offsets : x.fine_offsets) + part;
      const __m512 w_scale = _mm512_load_ps(w.scales + (kHalves ? 2 * block + half : block) * kStripRows);
      const __m512 scale = has_fine ? _mm512_mul_ps(w_scale, _mm512_set1_ps(1.0f / 256)) : w_scale;
      const int first = kHalves ? 4 * half : 0, last = kHalves ? first + 4 : 8;
      for (int t = 0; t < kTokens; t += kInFlight) {
        __m512i dot[kInFlight];
        for (int i = 0; i < kInFlight; ++i) dot[i] = kMin ? _mm512_setzero_si512() : _mm512_set1_epi32(offsets[t + i]);
        for (int j = first; j < last; ++j) {
          for (int i = 0; i < kInFlight; ++i) dot[i] = dot4(dot[i], q[j], xq + (t + i) * kBlock + 4 * j);
        }
        if (has_fine) {
          for (int i = 0; i < kInFlight; ++i) {
            dot[i] = _mm512_slli_epi32(dot[i], 8);
            if (!kMin) dot[i] = _mm512_add_epi32(dot[i], _mm512_set1_epi32(fine_offsets[t + i]));
          }
          for (int j = first; j < last; ++j) {
            for (int i = 0; i < kInFlight; ++i) dot[i] = dot4(dot[i], q[j], fine + (t + i) * kBlock + 4 * j);
          }
        }
        for (int i = 0; i < kInFlight; ++i) {
          const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(x_scales[t + i]));
          acc[t + i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[i]), factor, acc[t + i]);
        }
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    float* to = tile + t * kStripRows;
    _mm512_store_ps(to, kMin ? _mm512_add_ps(acc[t], _mm512_load_ps(to)) : acc[t]);
  }
}

template <PackedKind kKind>
ORRERY_INLINE __m512 floats_at(const std::byte* strip, int64_t col) {
  if constexpr (kKind == PackedKind::kF32) return _mm512_load_ps(strip + col * 64);
  if constexpr (kKind == PackedKind::kF16) return halves_at(strip + col * 32);
  const __m256i bits = _mm256_load_si256(reinterpret_cast<const __m256i*>(strip + col * 32));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

template <PackedKind kKind, int kTokens>
void float_tile_of(const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  __m512 acc[kTokens];
  for (auto& a : acc) a = _mm512_setzero_ps();
  add_columns(acc, cols, x.values, [&](int64_t col) { return floats_at<kKind>(strip, col); });
  for (int t = 0; t < kTokens; ++t) _mm512_store_ps(tile + t * kStripRows, acc[t]);
}

// Calls f with the number of tokens as a compile-time constant.
template <int kTokens>
struct Tokens {
  static constexpr int value = kTokens;
};
template <class F>
void with_tokens(int64_t tokens, const F& f) {
  switch (tokens) {
    case 1:
      return f(Tokens<1>());
    case 2:
      return f(Tokens<2>());
    case 4:
      return f(Tokens<4>());
    case 8:
      return f(Tokens<8>());
    default:
      return f(Tokens<16>());
  }
}

void float_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  with_tokens(x.size, [&](auto tokens) {
    if (kind == PackedKind::kF32) return float_tile_of<PackedKind::kF32, tokens.value>(strip, cols, x, tile);
    if (kind == PackedKind::kF16) return float_tile_of<PackedKind::kF16, tokens.value>(strip, cols, x, tile);
    float_tile_of<PackedKind::kBF16, tokens.value>(strip, cols, x, tile);
  });
}

void block_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  with_block_kind(kind, [&](auto k) {
    if (x.size == 1) return block_tile_of<k.value, 1>(strip, cols, x, tile);
    if (x.size == 2) return block_tile_of<k.value, 2>(strip, cols, x, tile);
    block_tile_of<k.value, 4>(strip, cols, x, tile);
  });
}

void open_strip(PackedKind kind, const std::byte* strip, int64_t cols, const OpenStrip& out) {
  with_block_kind(kind, [&](auto k) { open_strip_of<k.value>(strip, cols, out); });
}

void open_tile(PackedKind kind, const OpenStrip& strip, int64_t cols, const RowGroup& x, float* tile) {
  const KindInfo& k = info(kind);
  with_tokens(x.size, [&](auto tokens) {
    if (k.has_min) return open_tile_of<true, false, tokens.value>(strip, cols, x, tile);
    if (kind == PackedKind::kQ6_K) return open_tile_of<false, true, tokens.value>(strip, cols, x, tile);
    open_tile_of<false, false, tokens.value>(strip, cols, x, tile);
  });
}

// One row of quants (or of their refinement) and its sums per half.
ORRERY_INLINE void store_quants(__m512i low, __m512i high, int8_t* to, int32_t (&sums)[2]) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), _mm512_cvtsepi32_epi8(high));
  sums[0] = _mm512_reduce_add_epi32(low);
  sums[1] = _mm512_reduce_add_epi32(high);
}

void quantize_row(const float* x, int64_t cols, const QuantizedRow& out) {
  const int64_t blocks = cols / kBlock;
  __m512 squares = _mm512_setzero_ps();
  FineRule rule;
  for (int64_t block = 0; block < blocks; ++block) {
    const __m512 low = _mm512_loadu_ps(x + block * kBlock), high = _mm512_loadu_ps(x + block * kBlock + 16);
    squares = _mm512_fmadd_ps(high, high, _mm512_fmadd_ps(low, low, squares));
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    out.scales[block * out.stride] = largest > kTiny ? largest : 0.0f;
    rule.add(out.scales[block * out.stride] / 127.0f);
  }
  const float limit = rule.limit(_mm512_reduce_add_ps(squares), blocks, out.squared);
  for (int64_t block = 0; block < blocks; ++block) {
    const __m512 low = _mm512_loadu_ps(x + block * kBlock), high = _mm512_loadu_ps(x + block * kBlock + 16);
    const float largest = out.scales[block * out.stride], scale = largest / 127.0f;
    const __m512 inverse = _mm512_set1_ps(largest > 0 ? 127.0f / largest : 0.0f);
    const __m512 scaled_low = _mm512_mul_ps(low, inverse), scaled_high = _mm512_mul_ps(high, inverse);
    const __m512i q_low = _mm512_cvtps_epi32(scaled_low), q_high = _mm512_cvtps_epi32(scaled_high);
    const int64_t at = block * out.stride;
    int32_t sums[2], fine_sums[2] = {0, 0};
    store_quants(q_low, q_high, out.quants + at * kBlock, sums);
    const bool needs_fine = scale * scale > limit;
    if (needs_fine) {
      const auto rest = [](__m512 scaled, __m512i q) {
        const __m512i f =
            _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(scaled, _mm512_cvtepi32_ps(q)), _mm512_set1_ps(256.0f)));
        return _mm512_max_epi32(_mm512_min_epi32(f, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
      };
      store_quants(rest(scaled_low, q_low), rest(scaled_high, q_high), out.fine + at * kBlock, fine_sums);
      std::atomic_ref(out.has_fine[block]).store(1, std::memory_order_relaxed);
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.fine + at * kBlock), _mm256_setzero_si256());
    }
    const int32_t sum = sums[0] + sums[1], fine_sum = fine_sums[0] + fine_sums[1];
    out.scales[at] = scale;
    out.sums[at] = scale * (static_cast<float>(sum * 256 + fine_sum) / 256.0f);
    out.offsets[at] = -128 * sum;
    out.fine_offsets[at] = -128 * fine_sum;
    for (int half = 0; half < 2; ++half) {
      out.half_offsets[2 * at + half * out.stride] = -128 * sums[half];
      out.fine_half_offsets[2 * at + half * out.stride] = -128 * fine_sums[half];
    }
  }
}

}  // namespace

const MatmulSet& matmul_avx512() {
  static const MatmulSet set{quantize_row, float_tile, block_tile, open_strip, open_tile};
  return set;
}

}  // namespace orrery::kernels
