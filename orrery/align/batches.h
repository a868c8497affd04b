// Which records a step sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "orrery/align/options.h"

namespace orrery::align {

/// Records in their order, cut so that a part has no more than `most` of `tokens_of`, but one record at least.
std::vector<std::vector<size_t>> cut(std::span<const size_t> records, int64_t most,
                                     const std::function<int64_t(size_t)>& tokens_of);

/// `records` records, epoch after epoch, each in an order of its own where `shuffle` says so. Follows from the step's
/// number alone.
class Batches {
 public:
  Batches(size_t records, const BatchOptions& options) : records_(records), options_(options) {}

  /// Steps that see every record once; the last has what is left.
  int64_t steps_per_epoch() const;
  std::vector<size_t> records_of(int64_t step) const;
  /// The step's records, cut to micro_batch_tokens.
  std::vector<std::vector<size_t>> micro_batches(int64_t step, const std::function<int64_t(size_t)>& tokens_of) const;

 private:
  size_t records_;
  BatchOptions options_;
};

}  // namespace orrery::align
