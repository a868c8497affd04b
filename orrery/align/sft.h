// Supervised fine-tuning: the likelihood of what the assistant says (Ouyang et al. 2022, sec. 3.5).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "orrery/align/learned_tokens.h"
#include "orrery/nn/decoder.h"
#include "orrery/train/loop.h"

namespace orrery::align {

struct SftOptions {
  int64_t batch_size = 8;       ///< records of a step
  int64_t micro_tokens = 2048;  ///< of a micro-batch, which is cut so that it has no more, but one record at least
  uint64_t seed = 42;           ///< of the order, new in each epoch
};

/// Rows are packed without padding. The loss of a step is the mean over its learned tokens.
class SftTask final : public train::Task {
 public:
  /// Throws Error where a record has no learned token: it would teach nothing.
  SftTask(std::shared_ptr<nn::Decoder> model, std::vector<LearnedTokens> records, const SftOptions& options);

  const train::NamedTensors& parameters() const override { return model_->parameters().all(); }
  std::vector<double> begin_step(int64_t step) override;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) override;

  /// Steps that see every record once.
  int64_t steps_per_epoch() const;
  /// The records of a step, in their order: epoch after epoch, each shuffled by a stream of its own.
  std::vector<size_t> records_of(int64_t step) const;

 private:
  const std::shared_ptr<nn::Decoder> model_;
  const std::vector<LearnedTokens> records_;
  const SftOptions options_;
  std::vector<std::vector<size_t>> micro_batches_;  // of the step
};

}  // namespace orrery::align
