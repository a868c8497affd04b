// The one training loop.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "orrery/train/metrics.h"
#include "orrery/train/optimizer.h"
#include "orrery/train/options.h"

namespace orrery::train {

/// What is trained: a model, data and a loss. Everything that a step does follows from its number (random draws come
/// from named streams), so that a killed run goes on as if nothing had been.
class Task {
 public:
  virtual ~Task() = default;
  virtual const NamedTensors& parameters() const = 0;
  /// The micro-batches of a step, from 0: what the loss of each is a sum over (tokens, pairs). The step's loss is the
  /// sum of all over the sum of these, so that cutting a batch changes nothing. At least one is more than 0.
  virtual std::vector<double> begin_step(int64_t step) = 0;
  /// The sum of losses of one micro-batch. Adds sums to `sums`, which are divided likewise.
  virtual at::Tensor loss_sum(int64_t step, size_t micro_batch, Metrics& sums) = 0;
};

/// Trains until max_steps. Throws Error naming the step and the micro-batch whose loss is not finite, or the tensor
/// whose gradient is not; what learns is then as it was before that step.
void run(Task& task, const LoopOptions& options);

}  // namespace orrery::train
