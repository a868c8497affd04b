// Timing for the kernels' benches.
#pragma once

#include <algorithm>
#include <chrono>

namespace orrery::kernels {

/// Seconds of the quickest of `repeats` calls.
template <class F>
double best_seconds(int repeats, const F& f) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace orrery::kernels
