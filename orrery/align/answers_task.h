// What the tasks that learn from whole answers have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orrery/align/answers.h"
#include "orrery/align/batches.h"
#include "orrery/train/loop.h"

namespace orrery::align {

/// Steps over prompts with their answers; the loss of a step is the mean over its records.
class AnswersTask : public train::Task {
 public:
  /// whole: a step is one micro-batch, for losses that compare its records with each other.
  AnswersTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, const BatchOptions& options,
              bool whole = false);

  const train::NamedTensors& parameters() const final { return model_->parameters().all(); }
  std::vector<double> begin_step(int64_t step) override;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) final;

  /// Of prompts and answers, a prompt once for each of its answers, as if it had been computed so often.
  int64_t tokens_of_step() const final;
  int64_t steps_per_epoch() const final { return batches_.steps_per_epoch(); }

  const Batches& batches() const { return batches_; }

 protected:
  /// Some records of a step, and what the model makes of them.
  struct Part {
    const std::vector<size_t>& records;
    const PackedAnswers& packed;
    at::Tensor hidden;
  };
  /// The sum of the part's losses. Adds sums to `sums`, which are divided by the step's records.
  virtual at::Tensor losses(const Part& part, train::Metrics& sums) = 0;

  nn::Decoder& model() const { return *model_; }
  const AnsweredPrompt& record(size_t index) const { return records_[index]; }
  /// Of all records of the step.
  const std::vector<size_t>& step_records() const { return step_records_; }

 private:
  const std::shared_ptr<nn::Decoder> model_;
  const std::vector<AnsweredPrompt> records_;
  const Batches batches_;
  const bool whole_;
  std::vector<size_t> step_records_;
  std::vector<std::vector<size_t>> micro_batches_;  // of the step
};

/// [records] of [answers], each record's answer `which` of `per_record`.
at::Tensor answer(const at::Tensor& answers, int64_t which, int64_t per_record = 2);

/// Adds the sum of x to a metric.
void add_sum(train::Metrics& sums, const std::string& name, const at::Tensor& x);

}  // namespace orrery::align
