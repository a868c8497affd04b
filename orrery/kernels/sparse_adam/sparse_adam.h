// A step of Adam over the rows of a table that took part in it: Gaussians that a view does not show keep their values
// and their moments.
#pragma once

#include <cstdint>
#include <span>

#include "orrery/base/thread_pool.h"
#include "orrery/kernels/adamw/adamw.h"

namespace orrery::kernels {

struct AdamTable {
  std::span<float> parameters;       ///< [rows, columns]
  std::span<const float> gradients;  ///< [rows, columns]; rows that take no part are not read
  std::span<float> m, v;             ///< [rows, columns]
  int64_t columns = 1;
  /// [columns]: multiples of the step's learning rate (those of a table of spherical harmonics are 1 for the first and
  /// 1/20 for the others). Empty: 1.
  std::span<const float> rates = {};
};

/// The step of adamw for every row r with takes_part[r] ≠ 0; empty: for all, as the paper's authors have it. (Their eps
/// is 1e-15: gradients are so small that the usual 1e-8 would stop them.) Neighbours that take part are one stretch of
/// memory; 28 bytes move per value. The same on any number of threads.
void sparse_adam(const AdamWStep& step, const AdamTable& table, std::span<const uint8_t> takes_part, ThreadPool& pool);

/// In plain loops, in double between loads and stores.
void sparse_adam_reference(const AdamWStep& step, const AdamTable& table, std::span<const uint8_t> takes_part);

}  // namespace orrery::kernels
