#include "orrery/align/sft.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/nn/log_probs.h"

namespace orrery::align {

namespace {

/// Of a row, targets: its first token is nobody's.
int64_t learned(const LearnedTokens& record) {
  return record.learned.empty() ? 0 : std::count(record.learned.begin() + 1, record.learned.end(), true);
}

/// 0 … size - 1 in an order of the epoch's own (Fisher and Yates).
std::vector<size_t> order_of(uint64_t seed, int64_t epoch, size_t size) {
  RandomStream stream(seed, fmt::format("order of epoch {}", epoch));
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = size; i > 1; --i)
    std::swap(order[i - 1], order[static_cast<size_t>(stream.uniform() * static_cast<double>(i))]);
  return order;
}

}  // namespace

SftTask::SftTask(std::shared_ptr<nn::Decoder> model, std::vector<LearnedTokens> records, const SftOptions& options)
    : model_(std::move(model)), records_(std::move(records)), options_(options) {
  for (size_t i = 0; i < records_.size(); ++i)
    if (learned(records_[i]) == 0)
      throw Error({.doing = "fine-tune",
                   .where = fmt::format("record {}", i + 1),
                   .found = "no token to be learned",
                   .expected = "one at least"});
}

int64_t SftTask::steps_per_epoch() const {
  return (static_cast<int64_t>(records_.size()) + options_.batch_size - 1) / options_.batch_size;
}

// The last step of an epoch has what is left of it.
std::vector<size_t> SftTask::records_of(int64_t step) const {
  const std::vector<size_t> order = order_of(options_.seed, step / steps_per_epoch(), records_.size());
  const auto first = static_cast<size_t>(step % steps_per_epoch() * options_.batch_size);
  const size_t last = std::min(order.size(), first + static_cast<size_t>(options_.batch_size));
  return {order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last)};
}

std::vector<double> SftTask::begin_step(int64_t step) {
  micro_batches_.clear();
  std::vector<double> weights;
  int64_t tokens = 0;
  for (const size_t record : records_of(step)) {
    const auto size = static_cast<int64_t>(records_[record].tokens.size());
    if (micro_batches_.empty() || tokens + size > options_.micro_tokens) {
      micro_batches_.emplace_back();
      weights.push_back(0);
      tokens = 0;
    }
    micro_batches_.back().push_back(record);
    weights.back() += static_cast<double>(learned(records_[record]));
    tokens += size;
  }
  return weights;
}

at::Tensor SftTask::loss_sum(int64_t, size_t micro_batch, train::Metrics&) {
  std::vector<std::vector<text::TokenId>> rows;
  std::vector<int64_t> labels;
  for (const size_t index : micro_batches_[micro_batch]) {
    const LearnedTokens& record = records_[index];
    rows.push_back(record.tokens);
    for (size_t t = 0; t < record.tokens.size(); ++t)
      labels.push_back(record.learned[t] ? record.tokens[t] : nn::kIgnored);
  }
  const nn::PackedRows packed(rows);
  const at::Tensor targets = nn::next_tokens(at::tensor(labels), packed, nn::kIgnored);
  return -nn::token_log_probs(model_->hidden(packed), model_->head(), targets).sum();
}

}  // namespace orrery::align
