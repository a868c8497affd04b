// Records that share a row of max_length tokens, as TRL's `packing` has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orrery::align {

/// Indexes of records that belong together.
using Packs = std::vector<std::vector<size_t>>;

/// Best-fit decreasing (Ding et al. 2024, "Fewer Truncations Improve Language Modeling", sec. 3): the longest record
/// goes first, each into the fullest pack that has room for it, or into a new one. None of `sizes` (tokens) may be
/// larger than `capacity`. Packs stand in the order in which they were begun, O(n log n).
Packs best_fit_packs(std::span<const int64_t> sizes, int64_t capacity);

}  // namespace orrery::align
