// Tensors from one element type to another, rows in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/base/thread_pool.h"

namespace orrery::text {

/// Holds the threads and one tensor's worth of output. Not for use from two threads at once.
class Retyper {
 public:
  /// Which row of the source becomes a row of the result.
  using RowOrder = std::function<int64_t(int64_t row)>;

  /// threads 0: one per core that this process may use.
  explicit Retyper(int threads) : pool_(threads) {}

  /// The values of the sources (of one shape and type), one after another, as `target`; they stay until the next call.
  /// Rows keep their order unless `order` is given. One source in the same type and order costs nothing: its own bytes.
  /// Throws Error for types that nothing can be quantised to.
  std::span<const std::byte> run(std::span<const TensorView* const> sources, DType target, const RowOrder& order = {});

 private:
  ThreadPool pool_;
  std::vector<std::byte> result_;
};

}  // namespace orrery::text
