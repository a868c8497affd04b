#include "orrery/align/answers_task.h"

#include <ATen/ATen.h>

#include <utility>

namespace orrery::align {

AnswersTask::AnswersTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records,
                         const BatchOptions& options, bool whole)
    : model_(std::move(model)), records_(std::move(records)), batches_(records_.size(), options), whole_(whole) {}

std::vector<double> AnswersTask::begin_step(int64_t step) {
  step_records_ = batches_.records_of(step);
  if (whole_)
    micro_batches_ = {step_records_};
  else
    micro_batches_ = batches_.micro_batches(step, [&](size_t index) { return records_[index].size(); });
  std::vector<double> weights;
  for (const std::vector<size_t>& part : micro_batches_) weights.push_back(static_cast<double>(part.size()));
  return weights;
}

at::Tensor AnswersTask::loss_sum(int64_t, size_t micro_batch, train::Metrics& sums) {
  const std::vector<size_t>& records = micro_batches_[micro_batch];
  std::vector<const AnsweredPrompt*> prompts;
  for (const size_t index : records) prompts.push_back(&records_[index]);
  const PackedAnswers packed = pack_answers(prompts, *model_);
  return losses({records, packed, model_->hidden(packed.rows)}, sums);
}

int64_t AnswersTask::tokens_of_step() const {
  int64_t sum = 0;
  for (const size_t index : step_records_)
    sum += records_[index].size() +
           static_cast<int64_t>(records_[index].prompt.size() * (records_[index].answers.size() - 1));
  return sum;
}

at::Tensor answer(const at::Tensor& answers, int64_t which, int64_t per_record) {
  return answers.view({-1, per_record}).select(1, which);
}

void add_sum(train::Metrics& sums, const std::string& name, const at::Tensor& x) {
  sums[name] += x.detach().sum().item<double>();
}

}  // namespace orrery::align
