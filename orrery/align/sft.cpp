#include "orrery/align/sft.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "orrery/align/packed_records.h"
#include "orrery/base/error.h"
#include "orrery/nn/log_probs.h"

namespace orrery::align {

namespace {

/// Of a row, targets: its first token is nobody's.
int64_t learned(const LearnedTokens& record) {
  return record.learned.empty() ? 0 : std::count(record.learned.begin() + 1, record.learned.end(), true);
}

}  // namespace

SftTask::SftTask(std::shared_ptr<nn::Decoder> model, std::vector<LearnedTokens> records, const BatchOptions& options)
    : model_(std::move(model)), records_(std::move(records)), batches_(records_.size(), options) {
  for (size_t i = 0; i < records_.size(); ++i)
    if (learned(records_[i]) == 0)
      throw Error({.doing = "fine-tune",
                   .where = fmt::format("record {}", i + 1),
                   .found = "no token to be learned",
                   .expected = "one at least"});
}

std::vector<double> SftTask::begin_step(int64_t step) {
  micro_batches_ =
      batches_.micro_batches(step, [&](size_t record) { return static_cast<int64_t>(records_[record].tokens.size()); });
  std::vector<double> weights;
  for (const std::vector<size_t>& part : micro_batches_) {
    double& weight = weights.emplace_back();
    for (const size_t record : part) weight += static_cast<double>(learned(records_[record]));
  }
  return weights;
}

int64_t SftTask::tokens_of_step() const {
  size_t sum = 0;
  for (const std::vector<size_t>& part : micro_batches_)
    for (const size_t record : part) sum += records_[record].tokens.size();
  return static_cast<int64_t>(sum);
}

at::Tensor SftTask::loss_sum(int64_t, size_t micro_batch, train::Metrics&) {
  std::vector<const LearnedTokens*> records;
  for (const size_t index : micro_batches_[micro_batch]) records.push_back(&records_[index]);
  const PackedRecords packed = pack_records(records, model_->can_branch());
  const at::Tensor predicting = model_->hidden(packed.rows).index_select(0, packed.sources);
  return -nn::token_log_probs(predicting, model_->head(), packed.targets).sum();
}

}  // namespace orrery::align
