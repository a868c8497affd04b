// One loop for all instruction sets: each file that includes it is compiled for its own.
#pragma once

#include <cstdint>

namespace orrery::kernels {
namespace {

/// Twelve products and sums per round, each on a vector of its own, so that none waits for another: they take four or
/// five cycles, and a core begins two in one.
template <class Vector>
[[maybe_unused]] float multiply_add(int64_t rounds) {
  constexpr int kVectors = 12;
  Vector sums[kVectors], factor, summand;
  for (int i = 0; i < kVectors; ++i) sums[i] = Vector{} + static_cast<float>(2 + i);
  factor = Vector{} + 0.999f;
  summand = Vector{} + 1e-3f;
  for (int64_t round = 0; round < rounds; ++round)
    for (Vector& sum : sums) sum = sum * factor + summand;
  Vector all{};
  for (const Vector& sum : sums) all += sum;
  return all[0];
}

}  // namespace

struct MultiplyAdd {
  float (*run)(int64_t rounds);
  int64_t operations;  ///< of a round
};

MultiplyAdd multiply_add_reference();
MultiplyAdd multiply_add_avx2();
MultiplyAdd multiply_add_avx512();
MultiplyAdd multiply_add_neon();

}  // namespace orrery::kernels
