#include "orrery/align/sft.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/align/packed_records.h"
#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/nn/log_probs.h"

namespace orrery::align {

namespace {

/// Of a row, targets: its first token is nobody's.
int64_t learned(const LearnedTokens& record) {
  return record.learned.empty() ? 0 : std::count(record.learned.begin() + 1, record.learned.end(), true);
}

}  // namespace

SftTask::SftTask(std::shared_ptr<nn::Decoder> model, std::vector<LearnedTokens> records, const BatchOptions& batch,
                 const SftOptions& options, Packs packs)
    : model_(std::move(model)),
      records_(std::move(records)),
      packs_(std::move(packs)),
      batches_(packs_.empty() ? records_.size() : packs_.size(), batch),
      batch_(batch),
      options_(options) {
  for (size_t i = 0; i < records_.size(); ++i)
    if (learned(records_[i]) == 0)
      throw Error({.doing = "fine-tune",
                   .where = fmt::format("record {}", i + 1),
                   .found = "no token to be learned",
                   .expected = "one at least"});
}

std::vector<size_t> SftTask::records_of(int64_t step) const {
  const std::vector<size_t> of_batch = batches_.records_of(step);
  if (packs_.empty()) return of_batch;
  std::vector<size_t> records;
  for (const size_t pack : of_batch) records.insert(records.end(), packs_[pack].begin(), packs_[pack].end());
  return records;
}

std::vector<double> SftTask::begin_step(int64_t step) {
  micro_batches_ = cut(records_of(step), batch_.micro_batch_tokens,
                       [&](size_t record) { return static_cast<int64_t>(records_[record].tokens.size()); });
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

/// Uniform in ±alpha/√(tokens·size) for each row.
at::Tensor SftTask::noise(const nn::PackedRows& rows, int64_t step, size_t micro_batch) const {
  const int64_t size = model_->spec().hidden_size;
  const at::Tensor all = at::empty({rows.size(), size}, at::kFloat);
  RandomStream stream(batch_.seed, fmt::format("noise of step {}, micro-batch {}", step, micro_batch));
  float* value = all.data_ptr<float>();
  for (int64_t row = 0; row < rows.rows(); ++row) {
    const int64_t tokens = rows.offsets[static_cast<size_t>(row) + 1] - rows.offsets[static_cast<size_t>(row)];
    const double most = options_.neftune_noise_alpha / std::sqrt(static_cast<double>(tokens * size));
    for (int64_t i = 0; i < tokens * size; ++i) *value++ = static_cast<float>((2 * stream.uniform() - 1) * most);
  }
  return all;
}

at::Tensor SftTask::loss_sum(int64_t step, size_t micro_batch, train::Metrics&) {
  std::vector<const LearnedTokens*> records;
  for (const size_t index : micro_batches_[micro_batch]) records.push_back(&records_[index]);
  const bool learns = at::GradMode::is_enabled(), noisy = options_.neftune_noise_alpha > 0 && learns,
             drops = model_->parameters().drops() && learns;
  // Each record has noise, and leaves out values, of its own.
  PackedRecords packed = pack_records(records, model_->can_branch() && !noisy && !drops);
  if (noisy) packed.rows.noise = noise(packed.rows, step, micro_batch);
  if (drops) packed.rows.dropout = fmt::format("step {}, micro-batch {}", step, micro_batch);
  const at::Tensor predicting = model_->hidden(packed.rows).index_select(0, packed.sources);
  return -nn::token_log_probs(predicting, model_->head(), packed.targets).sum();
}

}  // namespace orrery::align
