// Supervised fine-tuning: the likelihood of what the assistant says (Ouyang et al. 2022, sec. 3.5).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "orrery/align/batches.h"
#include "orrery/align/learned_tokens.h"
#include "orrery/align/packs.h"
#include "orrery/nn/decoder.h"
#include "orrery/train/loop.h"

namespace orrery::align {

/// Rows are packed without padding. The loss of a step is the mean over its learned tokens.
class SftTask final : public train::Task {
 public:
  /// A batch counts `packs`, where there are any, instead of records. Throws Error where a record has no learned token:
  /// it would teach nothing.
  SftTask(std::shared_ptr<nn::Decoder> model, std::vector<LearnedTokens> records, const BatchOptions& batch,
          const SftOptions& options = {}, Packs packs = {});

  const train::NamedTensors& parameters() const override { return model_->parameters().all(); }
  std::vector<double> begin_step(int64_t step) override;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) override;

  int64_t tokens_of_step() const override;
  int64_t steps_per_epoch() const override { return batches_.steps_per_epoch(); }

  const Batches& batches() const { return batches_; }

 private:
  std::vector<size_t> records_of(int64_t step) const;
  at::Tensor noise(const nn::PackedRows& rows, int64_t step, size_t micro_batch) const;

  const std::shared_ptr<nn::Decoder> model_;
  const std::vector<LearnedTokens> records_;
  const Packs packs_;
  const Batches batches_;
  const BatchOptions batch_;
  const SftOptions options_;
  std::vector<std::vector<size_t>> micro_batches_;  // of the step
};

}  // namespace orrery::align
