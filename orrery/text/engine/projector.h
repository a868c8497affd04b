// Activations times packed weights, shared out over the pool.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/matmul/matmul.h"
#include "orrery/text/engine/norm.h"
#include "orrery/text/engine/profile.h"
#include "orrery/text/engine/projection.h"

namespace orrery::text {

/// Rows [count, cols] that a projection reads: row i at x + i·stride, or x + index[i]·stride; normalised first where a
/// norm is given. What adapters change of it (engine/adapters) is given per row, by i.
struct ProjectionInput {
  const float* x = nullptr;
  int64_t stride = 0, count = 0, cols = 0;
  const Norm* norm = nullptr;
  const int32_t* index = nullptr;
  const Norm* const* norms = nullptr;    ///< [count], in the place of norm
  const float* const* scales = nullptr;  ///< [count] of [cols] factors after the norm; nullptr: none
  bool squared = false;                  ///< what kRelu2 has made: kernels/matmul/packed_rows.h

  bool operator==(const ProjectionInput&) const = default;
};

/// out[i, :] (+)= weights · input row i + bias. out [count, stride].
struct Product {
  ProjectionInput input;
  const Projection* weights = nullptr;
  float* out = nullptr;
  int64_t stride = 0;
  kernels::MatmulOutput mode = kernels::MatmulOutput::kStore;
};

/// Knows how to share out a product: by strips of weights when the rows are few (bound by reading the weights), also by
/// blocks of rows when they are many.
class Projector {
 public:
  /// No input has more than max_rows rows, nor more than `widest` columns.
  Projector(ThreadPool& pool, Profile& profile, int64_t max_rows, int64_t widest);

  /// Makes room for inputs of so many columns; between steps.
  void widen(int64_t columns);

  /// `pack`: the stage that rounding the rows counts for. `ahead`: what will be read next.
  void run(const Product& product, Profile::Stage pack, Profile::Stage multiply, const ReadAhead& ahead = {}) {
    run({&product, 1}, pack, multiply, ahead);
  }
  /// Products that do not depend on each other, nor write to the same place: the small ones in one loop.
  void run(std::span<const Product> products, Profile::Stage pack, Profile::Stage multiply,
           const ReadAhead& ahead = {});

 private:
  // Few rows are packed by every thread for itself: that is quicker than waiting for one that does it.
  struct OwnRows {
    uint64_t packed_for = 0;  // the loop, and of it the input
    kernels::PackedRows rows;
    std::byte* packed = nullptr;
    float* normed = nullptr;
  };
  struct Slot {
    Buffer memory;
    kernels::PackedRows rows;
  };

  void pack_row(const ProjectionInput& input, int64_t row, float* normed, kernels::PackedRows& out) const;
  kernels::PackedRows& place(size_t slot, const ProjectionInput& input, bool quantized);
  void pack(std::span<const Product* const> products);
  void run_many(const Product& product, Profile::Stage pack, Profile::Stage multiply);
  void run_few(std::span<const Product* const> products, Profile::Stage pack, Profile::Stage multiply,
               const ReadAhead& ahead);
  const kernels::PackedRows& rows_for(const Product& product, size_t input, int thread);

  ThreadPool& pool_;
  Profile& profile_;
  int64_t widest_ = 0;
  Buffer own_memory_;
  std::vector<OwnRows> own_rows_;  // per thread
  std::vector<Slot> slots_;        // per input of a loop
  std::vector<size_t> input_of_;   // per product of a loop, into slots_
  std::vector<const Product*> few_;
  uint64_t loops_ = 0;
};

}  // namespace orrery::text
