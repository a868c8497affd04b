// How the rows of q and k lie in a file: each head's halves one after the other, or as neighbours.
#pragma once

#include <cstdint>
#include <string_view>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// Whether a tensor (or module) of this canonical name has rows that the rotary embedding turns.
inline bool is_rotated(std::string_view canonical) {
  return canonical.find("self_attn.q_proj") != canonical.npos || canonical.find("self_attn.k_proj") != canonical.npos;
}

/// The row of a tensor laid out as `from` that is row `row` of the same laid out as `to`.
inline int64_t rotary_row(int64_t row, RopeLayout from, RopeLayout to, int64_t head_dim, int64_t rotary_dim) {
  const int64_t i = row % head_dim, head = row - i, half = rotary_dim / 2;
  if (from == to || i >= rotary_dim) return row;
  if (from == RopeLayout::kHalf) return head + i / 2 + i % 2 * half;
  return head + (i < half ? 2 * i : 2 * (i - half) + 1);
}

}  // namespace orrery::text
