// What differs between the block kinds, for registers that hold fewer than a strip's 16 rows (see tiles.h).
#pragma once

#include "orrery/kernels/matmul/with_block_kind.h"

namespace orrery::kernels {

#define ORRERY_INLINE inline __attribute__((always_inline))

/// Bits of a kind's quants as they are multiplied: 4, 5 and 6 bits are unsigned with the kind's offset, 8 bits are the
/// signed weight itself. IQ4_NL's nibbles name levels of 8 bits.
constexpr int product_bits(PackedKind kind) { return kind == PackedKind::kIQ4_NL ? 8 : info(kind).bits; }

/// One chunk of a block kind's strip, V::kLanes rows at a time. Blocks are counted from the chunk's first.
template <class V, PackedKind kKind>
struct Chunk {
  using Floats = typename V::Floats;
  using Bytes = typename V::Bytes;
  static constexpr KindInfo kInfo = info(kKind);
  static constexpr ChunkLayout kLayout = chunk_layout(kKind);
  static constexpr int kBits = product_bits(kKind);

  const std::byte* chunk;

  /// Q6_K has a scale for each half of a block; the other kinds know only half 0.
  ORRERY_INLINE Floats scale(int64_t block, int part, int half = 0) const {
    const std::byte* scales = chunk + kLayout.scales + part * V::kLanes * 2;
    const std::byte* sub_scales = chunk + kLayout.sub_scales + part * V::kLanes;
    if constexpr (kKind == PackedKind::kQ6_K) {
      return V::mul(V::f16_at(scales), V::i8_at(sub_scales + (2 * block + half) * kStripRows));
    } else if constexpr (kInfo.is_k) {
      return V::mul(V::f16_at(scales), V::u8_at(sub_scales + block * kStripRows));
    } else {
      return V::f16_at(scales + block * kStripRows * 2);
    }
  }

  ORRERY_INLINE Floats min(int64_t block, int part) const {
    const std::byte* mins = chunk + kLayout.mins + part * V::kLanes * 2;
    if constexpr (kInfo.is_k) {
      const Floats minus = V::mul(V::all(-1.0f), V::f16_at(mins));
      return V::mul(minus, V::u8_at(chunk + kLayout.sub_mins + block * kStripRows + part * V::kLanes));
    } else {
      return V::f16_at(mins + block * kStripRows * 2);
    }
  }

  /// The block's 8 vectors, 4 columns of V::kLanes rows each.
  ORRERY_INLINE void quants(int64_t block, int part, Bytes (&q)[8]) const {
    const std::byte* at = chunk + kLayout.quants + block * kLayout.block_bytes + part * V::kLanes * 4;
    if constexpr (kInfo.bits == 8) {
      for (int j = 0; j < 8; ++j) q[j] = V::flip(V::bytes_at(at + 64 * j), 128);
      return;
    }
    for (int j = 0; j < 4; ++j) {
      const Bytes both = V::bytes_at(at + (kInfo.bits == 5 ? 64 : 0) + 64 * j);
      q[j] = V::low_nibbles(both);
      q[j + 4] = V::high_nibbles(both);
    }
    if constexpr (kKind == PackedKind::kIQ4_NL) {
      for (int j = 0; j < 8; ++j) q[j] = V::look_up(V::table(kIq4NlPlus128, 128), q[j]);
    }
    if constexpr (kInfo.bits == 5) {
      const std::byte* fifth = chunk + kLayout.quants + block * kLayout.block_bytes + part * V::kLanes / 2;
      for (int j = 0; j < 8; ++j) q[j] = V::or_16_where(q[j], fifth + 8 * j);
    }
    if constexpr (kInfo.bits == 6) {
      for (int h = 0; h < 2; ++h) {
        const Bytes upper = V::bytes_at(at + 256 + 64 * h);
        q[4 * h] = V::or_pair(q[4 * h], V::template left<4>(upper));
        q[4 * h + 1] = V::or_pair(q[4 * h + 1], V::template left<2>(upper));
        q[4 * h + 2] = V::or_pair(q[4 * h + 2], upper);
        q[4 * h + 3] = V::or_pair(q[4 * h + 3], V::template right<2>(upper));
      }
    }
  }
};

}  // namespace orrery::kernels
