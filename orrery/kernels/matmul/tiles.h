// Matmul for registers that hold fewer than a strip's 16 rows: the rows are taken in parts of V::kLanes. V is a struct
// of inline wrappers around one instruction set (avx2.cpp, neon.cpp); each has internal linkage, and so has all that is
// made of it here.
#pragma once

#include <atomic>

#include "orrery/kernels/matmul/chunk.h"
#include "orrery/kernels/matmul/instruction_sets.h"

namespace orrery::kernels {

/// What undoes the offset of unsigned weights in an integer sum, from the -128·Σq and -128·Σfine of the activations.
template <int kBits, bool kMin, bool kFine>
ORRERY_INLINE int32_t offset_of(const int32_t* offsets, const int32_t* fine_offsets, int64_t at) {
  constexpr int kFrom128 = kBits == 4 ? 4 : kBits == 5 ? 3 : 2;
  if constexpr (kMin || kBits == 8) return 0;
  return (kFine ? offsets[at] * 256 + fine_offsets[at] : offsets[at]) >> kFrom128;
}

/// sum + Σ of 4·kVectors columns, times 256 and refined where kFine.
template <class V, int kBits, int kVectors, bool kFine>
ORRERY_INLINE typename V::Ints add_dot(typename V::Ints sum, const typename V::Bytes* q, const int8_t* quants,
                                       const int8_t* fine) {
  if constexpr (!kFine) return V::template dot<kBits, kVectors>(sum, q, quants);
  const auto coarse = V::template dot<kBits, kVectors>(V::all(0), q, quants);
  return V::template dot<kBits, kVectors>(V::add(sum, V::times_256(coarse)), q, fine);
}

template <class V, bool kFine>
ORRERY_INLINE typename V::Floats x_scale_of(float scale) {
  return V::all(kFine ? scale * (1.0f / 256) : scale);
}

/// acc[t] + one block times token t: 32 columns, exact in int32, scaled. 6 bits: 16 columns, and again.
template <class V, int kBits, bool kMin, bool kFine, int kTokens>
ORRERY_INLINE void add_block(typename V::Floats (&acc)[kTokens], const typename V::Bytes (&q)[8],
                             const typename V::Floats (&scales)[2], const RowGroup& x, int64_t block) {
  constexpr int kHalves = kBits == 6 ? 2 : 1, kVectors = 8 / kHalves;
  const int32_t* offsets = kBits == 6 ? x.half_offsets : x.offsets;
  const int32_t* fine_offsets = kBits == 6 ? x.fine_half_offsets : x.fine_offsets;
#pragma GCC unroll 4
  for (int t = 0; t < kTokens; ++t) {
    const int64_t at = block * kTokens + t;
    const auto x_scale = x_scale_of<V, kFine>(x.scales[at]);
    for (int half = 0; half < kHalves; ++half) {
      const int64_t first = at * kBlock + 16 * half, offset_at = (block * kHalves + half) * kTokens + t;
      const auto start = V::all(offset_of<kBits, kMin, kFine>(offsets, fine_offsets, offset_at));
      const auto dot = add_dot<V, kBits, kVectors, kFine>(start, q + 4 * half, x.quants + first, x.fine + first);
      acc[t] = V::fma(V::to_floats(dot), V::mul(scales[half], x_scale), acc[t]);
    }
  }
}

/// Straight from the packed strip, for 1 to 4 tokens.
template <class V, PackedKind kKind, int kTokens>
void block_tile_of(const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  using C = Chunk<V, kKind>;
  using Floats = typename V::Floats;
  constexpr int kParts = kStripRows / V::kLanes;
  constexpr bool kMin = C::kInfo.has_min;
  Floats acc[kParts][kTokens], mins[kParts][kTokens];
  for (int part = 0; part < kParts; ++part) {
    for (int t = 0; t < kTokens; ++t) acc[part][t] = mins[part][t] = V::all(0.0f);
  }
  const int64_t blocks = cols / kBlock;
  for (int64_t first = 0; first < blocks; first += C::kLayout.blocks, strip += C::kLayout.bytes) {
    const C w{strip};
    for (int64_t b = 0; b < C::kLayout.blocks && first + b < blocks; ++b) {
#pragma GCC unroll 1  // parts side by side need more registers than there are
      for (int part = 0; part < kParts; ++part) {
        typename V::Bytes q[8];
        w.quants(b, part, q);
        const Floats scales[2] = {w.scale(b, part, 0), w.scale(b, part, 1)};
        if (x.has_fine[first + b]) {
          add_block<V, C::kBits, kMin, true>(acc[part], q, scales, x, first + b);
        } else {
          add_block<V, C::kBits, kMin, false>(acc[part], q, scales, x, first + b);
        }
        if constexpr (kMin) {
          const Floats min = w.min(b, part);
          const float* sums = x.sums + (first + b) * kTokens;
#pragma GCC unroll 4
          for (int t = 0; t < kTokens; ++t) mins[part][t] = V::fma(min, V::all(sums[t]), mins[part][t]);
        }
      }
    }
  }
  for (int part = 0; part < kParts; ++part) {
    for (int t = 0; t < kTokens; ++t) {
      V::store(tile + t * kStripRows + part * V::kLanes, kMin ? V::add(acc[part][t], mins[part][t]) : acc[part][t]);
    }
  }
}

template <class V, PackedKind kKind>
void open_strip_of(const std::byte* strip, int64_t cols, const OpenStrip& out) {
  using C = Chunk<V, kKind>;
  constexpr int kHalves = C::kBits == 6 ? 2 : 1;
  const int64_t blocks = cols / kBlock;
  for (int64_t first = 0; first < blocks; first += C::kLayout.blocks, strip += C::kLayout.bytes) {
    const C w{strip};
    for (int64_t b = 0; b < C::kLayout.blocks && first + b < blocks; ++b) {
      const int64_t block = first + b;
      for (int part = 0; part < kStripRows / V::kLanes; ++part) {
        const int64_t row = part * V::kLanes;
        typename V::Bytes q[8];
        w.quants(b, part, q);
        for (int j = 0; j < 8; ++j) {
          uint8_t* to = out.quants + (block * 8 + j) * 64 + row * 4;
          V::store(to,
                   C::kBits == 8 ? V::flip(q[j], 128) : V::plus(q[j], C::kInfo.has_min ? 0 : 128 - C::kInfo.offset));
        }
        for (int half = 0; half < kHalves; ++half) {
          V::store(out.scales + (block * kHalves + half) * kStripRows + row, w.scale(b, part, half));
        }
        if constexpr (C::kInfo.has_min) V::store(out.mins + block * kStripRows + row, w.min(b, part));
      }
    }
  }
}

/// tile[t][16] += Σ_k w[k][16]·x[k][t] for kTokens of the `tokens` in a row of x; column(k, part) gives w.
template <class V, int kTokens, class Column>
ORRERY_INLINE void add_columns(int64_t cols, const float* x, int64_t tokens, const Column& column, float* tile) {
  using Floats = typename V::Floats;
  constexpr int kParts = kStripRows / V::kLanes;
  Floats acc[kTokens][kParts];
  for (int t = 0; t < kTokens; ++t) {
    for (int part = 0; part < kParts; ++part) acc[t][part] = V::load(tile + t * kStripRows + part * V::kLanes);
  }
  for (int64_t k = 0; k < cols; ++k) {
    Floats w[kParts];
    for (int part = 0; part < kParts; ++part) w[part] = column(k, part);
    for (int t = 0; t < kTokens; ++t) {
      const Floats value = V::all(x[k * tokens + t]);
      for (int part = 0; part < kParts; ++part) acc[t][part] = V::fma(w[part], value, acc[t][part]);
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    for (int part = 0; part < kParts; ++part) V::store(tile + t * kStripRows + part * V::kLanes, acc[t][part]);
  }
}
/// The same for a whole group, in as many passes as the registers ask for.
template <class V, class Column>
ORRERY_INLINE void add_columns_to_all(int64_t cols, const float* x, int64_t tokens, const Column& column, float* tile) {
  if (tokens == 1) return add_columns<V, 1>(cols, x, tokens, column, tile);
  if (tokens == 2) return add_columns<V, 2>(cols, x, tokens, column, tile);
  for (int64_t t = 0; t < tokens; t += 4) add_columns<V, 4>(cols, x + t, tokens, column, tile + t * kStripRows);
}

/// Half a block, 16 columns, times all tokens: its weights stay in registers while the tokens pass, and the tokens'
/// sums wait in `tile` and `dots`, which the first-level cache holds. 6 bits have scales for each half; the other kinds
/// keep the first half's integers for the second.
template <class V, int kBits, bool kMin, bool kFine, int kHalf>
ORRERY_INLINE void add_half_block(const OpenStrip& w, RowGroup x, int64_t block, int32_t* dots, float* tile) {
  constexpr int kParts = kStripRows / V::kLanes;
  constexpr bool kFirst = kBits != 6 && kHalf == 0;
  typename V::Bytes q[kParts][4];
  typename V::Floats scales[kParts];
  for (int part = 0; part < kParts; ++part) {
    for (int j = 0; j < 4; ++j) {
      q[part][j] = V::bytes_at(w.quants + (block * 8 + 4 * kHalf + j) * 64 + part * V::kLanes * 4);
      if constexpr (kBits == 8) q[part][j] = V::flip(q[part][j], 128);
      if constexpr (kBits < 8 && !kMin) q[part][j] = V::plus(q[part][j], (1 << (kBits - 1)) - 128);
    }
    scales[part] = V::load(w.scales + (kBits == 6 ? 2 * block + kHalf : block) * kStripRows + part * V::kLanes);
  }
  const int64_t at = block * x.size, offset_at = kBits == 6 ? (2 * block + kHalf) * x.size : at;
  const int8_t *quants = x.quants + at * kBlock + 16 * kHalf, *fine = x.fine + at * kBlock + 16 * kHalf;
  const int32_t* offsets = kBits == 6 ? x.half_offsets : x.offsets;
  const int32_t* fine_offsets = kBits == 6 ? x.fine_half_offsets : x.fine_offsets;
  for (int64_t t = 0; t < x.size; ++t, dots += kStripRows, tile += kStripRows) {
    typename V::Ints dot[kParts];
    for (int part = 0; part < kParts; ++part) {
      dot[part] = kFirst || kBits == 6 ? V::all(offset_of<kBits, kMin, kFine>(offsets, fine_offsets, offset_at + t))
                                       : V::load(dots + part * V::kLanes);
      dot[part] = add_dot<V, kBits, 4, kFine>(dot[part], q[part], quants + t * kBlock, fine + t * kBlock);
    }
    for (int part = 0; part < kParts; ++part) {
      if constexpr (kFirst) {
        V::store(dots + part * V::kLanes, dot[part]);
      } else {
        float* to = tile + part * V::kLanes;
        const auto scale = V::mul(scales[part], x_scale_of<V, kFine>(x.scales[at + t]));
        V::store(to, V::fma(V::to_floats(dot[part]), scale, V::load(to)));
      }
    }
  }
}

/// The mins are a small float product of their own.
template <class V, int kBits, bool kMin>
void open_tile_of(const OpenStrip& w, int64_t cols, const RowGroup& x, float* tile) {
  alignas(64) int32_t dots[16 * kStripRows];
  for (int64_t i = 0; i < x.size * kStripRows; ++i) tile[i] = 0;
  for (int64_t block = 0; block < cols / kBlock; ++block) {
    for (int64_t at = 0; at < w.ahead_bytes; at += 64) __builtin_prefetch(w.ahead + block * w.ahead_bytes + at);
    if (x.has_fine[block]) {
      add_half_block<V, kBits, kMin, true, 0>(w, x, block, dots, tile);
      add_half_block<V, kBits, kMin, true, 1>(w, x, block, dots, tile);
    } else {
      add_half_block<V, kBits, kMin, false, 0>(w, x, block, dots, tile);
      add_half_block<V, kBits, kMin, false, 1>(w, x, block, dots, tile);
    }
  }
  if constexpr (kMin) {
    alignas(64) float mins[16 * kStripRows] = {};
    const auto min = [&](int64_t block, int part) { return V::load(w.mins + block * kStripRows + part * V::kLanes); };
    add_columns_to_all<V>(cols / kBlock, x.sums, x.size, min, mins);
    for (int64_t i = 0; i < x.size * kStripRows; ++i) tile[i] += mins[i];
  }
}

/// Column k of a float kind's strip.
template <class V, PackedKind kKind>
ORRERY_INLINE typename V::Floats column_of(const std::byte* strip, int64_t k, int part) {
  const int64_t at = k * kStripRows + part * V::kLanes;
  if constexpr (kKind == PackedKind::kF32) return V::load(reinterpret_cast<const float*>(strip) + at);
  if constexpr (kKind == PackedKind::kF16) return V::f16_at(strip + at * 2);
  if constexpr (kKind == PackedKind::kBF16) return V::bf16_at(strip + at * 2);
}

template <class V, PackedKind kKind>
void float_tile_of(const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  for (int64_t i = 0; i < x.size * kStripRows; ++i) tile[i] = 0;
  const auto column = [strip](int64_t k, int part) { return column_of<V, kKind>(strip, k, part); };
  if (x.size <= 4) return add_columns_to_all<V>(cols, x.values, x.size, column, tile);
  // Many passes: convert a few columns at a time, once.
  constexpr int64_t kColumns = 64;
  alignas(64) float converted[kColumns * kStripRows];
  for (int64_t first = 0; first < cols; first += kColumns) {
    const int64_t count = cols - first < kColumns ? cols - first : kColumns;
    for (int64_t k = 0; k < count; ++k) {
      for (int part = 0; part < kStripRows / V::kLanes; ++part) {
        V::store(converted + k * kStripRows + part * V::kLanes, column(first + k, part));
      }
    }
    const auto of_converted = [&](int64_t k, int part) {
      return V::load(converted + k * kStripRows + part * V::kLanes);
    };
    add_columns_to_all<V>(count, x.values + first * x.size, x.size, of_converted, tile);
  }
}

template <class V>
void float_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  if (kind == PackedKind::kF32) return float_tile_of<V, PackedKind::kF32>(strip, cols, x, tile);
  if (kind == PackedKind::kF16) return float_tile_of<V, PackedKind::kF16>(strip, cols, x, tile);
  float_tile_of<V, PackedKind::kBF16>(strip, cols, x, tile);
}

template <class V>
void block_tile(PackedKind kind, const std::byte* strip, int64_t cols, const RowGroup& x, float* tile) {
  with_block_kind(kind, [&](auto k) {
    if (x.size == 1) return block_tile_of<V, k.value, 1>(strip, cols, x, tile);
    if (x.size == 2) return block_tile_of<V, k.value, 2>(strip, cols, x, tile);
    block_tile_of<V, k.value, 4>(strip, cols, x, tile);
  });
}

template <class V>
void open_strip(PackedKind kind, const std::byte* strip, int64_t cols, const OpenStrip& out) {
  with_block_kind(kind, [&](auto k) { open_strip_of<V, k.value>(strip, cols, out); });
}

template <class V>
void open_tile(PackedKind kind, const OpenStrip& strip, int64_t cols, const RowGroup& x, float* tile) {
  with_block_kind(kind,
                  [&](auto k) { open_tile_of<V, product_bits(k.value), info(k.value).has_min>(strip, cols, x, tile); });
}

/// Stores a block of one plane and its sums per half.
template <class V, int kVectors>
ORRERY_INLINE void store_quants(const typename V::Ints (&q)[kVectors], int8_t* to, int32_t (&sums)[2]) {
  V::store_narrowed(to, q);
  for (int i = 0; i < kVectors; ++i) sums[i / (kVectors / 2)] += V::sum_of(q[i]);
}

template <class V>
void quantize_row(const float* x, int64_t cols, const QuantizedRow& out) {
  using Floats = typename V::Floats;
  using Ints = typename V::Ints;
  constexpr int kVectors = kBlock / V::kLanes;
  const int64_t blocks = cols / kBlock;
  Floats squares = V::all(0.0f);
  FineRule rule;
  for (int64_t block = 0; block < blocks; ++block) {
    Floats most = V::all(0.0f);
    for (int i = 0; i < kVectors; ++i) {
      const Floats value = V::load_unaligned(x + block * kBlock + i * V::kLanes);
      squares = V::fma(value, value, squares);
      most = V::max(most, V::abs(value));
    }
    const float largest = V::max_of(most);
    out.scales[block * out.stride] = largest > kTiny ? largest : 0.0f;
    rule.add(out.scales[block * out.stride] / 127.0f);
  }
  const float limit = rule.limit(V::sum_of(squares), blocks, out.squared);
  for (int64_t block = 0; block < blocks; ++block) {
    Floats values[kVectors];
    for (int i = 0; i < kVectors; ++i) values[i] = V::load_unaligned(x + block * kBlock + i * V::kLanes);
    const float largest = out.scales[block * out.stride], scale = largest / 127.0f;
    const Floats inverse = V::all(largest > 0 ? 127.0f / largest : 0.0f);
    const bool needs_fine = scale * scale > limit;
    Ints q[kVectors], fine[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      const Floats scaled = V::mul(values[i], inverse);
      q[i] = V::rounded(scaled);
      const Floats rest = V::mul(V::sub(scaled, V::to_floats(q[i])), V::all(needs_fine ? 256.0f : 0.0f));
      fine[i] = V::rounded(V::min(V::max(rest, V::all(-127.0f)), V::all(127.0f)));
    }
    const int64_t at = block * out.stride;
    int32_t sums[2] = {0, 0}, fine_sums[2] = {0, 0};
    store_quants<V>(q, out.quants + at * kBlock, sums);
    store_quants<V>(fine, out.fine + at * kBlock, fine_sums);
    if (needs_fine) std::atomic_ref(out.has_fine[block]).store(1, std::memory_order_relaxed);
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

template <class V>
const MatmulSet& matmul_of() {
  static const MatmulSet set{quantize_row<V>, float_tile<V>, block_tile<V>, open_strip<V>, open_tile<V>};
  return set;
}

}  // namespace orrery::kernels
