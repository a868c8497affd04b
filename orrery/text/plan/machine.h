// What this machine does, measured with the engine's own kernels.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "orrery/base/thread_pool.h"
#include "orrery/kernels/matmul/packed_matrix.h"

namespace orrery::text {

/// Rates of all threads together.
struct MachineRates {
  int threads = 1;
  /// Of products with one kind of weights.
  struct Products {
    double bytes_per_second = 0;         ///< of weights in memory times one token
    double looped_bytes_per_second = 0;  ///< the same in loops as long as the model's
    double per_second = 0;               ///< multiplications with many tokens
  };
  double read_bandwidth = 0;        ///< bytes per second, nothing computed
  double attention_per_second = 0;  ///< multiplications in a prompt of 512 tokens
  double rows_per_second = 0;       ///< elements of rows normalised and rounded
  std::map<kernels::PackedKind, Products> products;
};

struct MeasuredShapes {
  std::set<kernels::PackedKind> kinds;
  int64_t cols = 1024;             ///< of a row of weights
  int64_t loop_weights = 1 << 20;  ///< elements of the matrices that one loop of a decoded token multiplies with
  int64_t head_dim = 64;
};

/// Takes about a second, and a third of one for each kind.
MachineRates measure_machine(ThreadPool& pool, const MeasuredShapes& shapes);

}  // namespace orrery::text
