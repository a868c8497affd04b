// The dynamic code's seven decades, which its table and the search for the nearest code share.
#pragma once

#include <array>
#include <cstddef>

namespace orrery::kernels {

inline constexpr int kDecades = 7;

/// Magnitudes of the k-th decade from below: `count` of them, of ranks `first`, first + 1, …, in the middles of parts
/// of `width` from `start` on. Rank 0 is 0.
struct Decade {
  double start, width;
  int first, count;
  double middle(int i) const { return start + width * (i + 0.5); }
};

constexpr std::array<Decade, kDecades> decades(bool is_signed) {
  std::array<Decade, kDecades> all{};
  double top = 1;
  for (int k = kDecades - 1; k >= 0; --k, top /= 10) {
    const int count = is_signed ? 1 << k : 2 << k;
    all[static_cast<size_t>(k)] = {top / 10, 0.9 * top / count, is_signed ? count : count - 1, count};
  }
  return all;
}

/// The rank of 1.
constexpr int top_rank(bool is_signed) { return is_signed ? 128 : 255; }

}  // namespace orrery::kernels
