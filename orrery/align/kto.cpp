#include "orrery/align/kto.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace orrery::align {

std::vector<AnsweredPrompt> mismatched(const std::vector<AnsweredPrompt>& records, int64_t group) {
  std::vector<AnsweredPrompt> pairs;
  const auto size = static_cast<size_t>(group);
  for (size_t i = 0; i < records.size(); ++i) {
    const size_t first = i / size * size, last = std::min(first + size, records.size()) - 1;
    pairs.push_back({records[i].prompt, records[i == first ? last : i - 1].answers});
  }
  return pairs;
}

KtoTask::KtoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records,
                 std::vector<AnsweredPrompt> mismatched, std::vector<bool> desirable, at::Tensor reference,
                 const BatchOptions& batch, const KtoOptions& options)
    : AnswersTask(std::move(model), std::move(records), batch),
      mismatched_(std::move(mismatched)),
      desirable_(std::move(desirable)),
      reference_(std::move(reference)),
      options_(options) {}

std::vector<double> KtoTask::begin_step(int64_t step) {
  at::NoGradGuard without_gradients;
  double sum = 0;
  for (const std::vector<size_t>& part :
       batches().micro_batches(step, [&](size_t i) { return mismatched_[i].size(); })) {
    std::vector<const AnsweredPrompt*> prompts;
    for (const size_t index : part) {
      prompts.push_back(&mismatched_[index]);
      sum -= reference_[static_cast<int64_t>(index)][1].item<double>();
    }
    const PackedAnswers packed = pack_answers(prompts, model());
    sum += answer_log_probs(model(), model().hidden(packed.rows), packed).sum().item<double>();
  }
  std::vector<double> weights = AnswersTask::begin_step(step);
  good_ = 0;
  for (const size_t index : step_records()) good_ += desirable_[index] ? 1 : 0;
  kl_ = std::max(0.0, sum / static_cast<double>(step_records().size()));
  return weights;
}

/// Over those that `which` says, of which the step has `count`; the loop divides by all of its records.
void KtoTask::add_means(train::Metrics& sums, const std::string& name, const at::Tensor& which,
                        const at::Tensor& log_probs, const at::Tensor& rewards, double count) const {
  if (count == 0) return;
  const double share = static_cast<double>(step_records().size()) / count;
  add_sum(sums, "rewards/" + name, share * rewards.masked_fill(~which, 0));
  add_sum(sums, "logps/" + name, share * log_probs.masked_fill(~which, 0));
}

at::Tensor KtoTask::losses(const Part& part, train::Metrics& sums) {
  const at::Tensor policy = answer_log_probs(model(), part.hidden, part.packed);
  std::vector<int64_t> places;
  std::vector<float> signs, weights;  // 1 where an answer is to become more probable, else -1
  for (const size_t index : part.records) {
    places.push_back(static_cast<int64_t>(index));
    signs.push_back(desirable_[index] ? 1.0f : -1.0f);
    weights.push_back(static_cast<float>(desirable_[index] ? options_.desirable_weight : options_.undesirable_weight));
  }
  const at::Tensor ratio = policy - reference_.select(1, 0).index_select(0, at::tensor(places));
  const at::Tensor sign = at::tensor(signs), good = sign.gt(0), rewards = options_.beta * ratio;
  add_means(sums, "chosen", good, policy, rewards, good_);
  add_means(sums, "rejected", ~good, policy, rewards, static_cast<double>(step_records().size()) - good_);
  sums["kl"] += kl_ * static_cast<double>(part.records.size());
  return (at::tensor(weights) * (1 - at::sigmoid(options_.beta * sign * (ratio - kl_)))).sum();
}

}  // namespace orrery::align
