#include "orrery/align/online.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "orrery/align/policy_gradient.h"
#include "orrery/base/random.h"
#include "orrery/nn/log_probs.h"

namespace orrery::align {

at::Tensor padded(const at::Tensor& values, const PackedAnswers& packed, int64_t width) {
  return at::zeros({packed.lengths.size(0), width}).index_put({packed.answer_of, packed.number}, values);
}

OnlineTask::OnlineTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
                       const BatchOptions& batch, const RolloutOptions& rollout, int threads, int64_t updates)
    : policy_(std::move(policy)),
      prompts_(std::move(prompts)),
      scorer_(std::move(scorer)),
      batch_(batch),
      batches_(prompts_.size(), batch),
      rollout_(rollout),
      threads_(threads),
      updates_(updates) {}

std::vector<double> OnlineTask::begin_step(int64_t step) {
  if (step % updates_ == 0) {
    at::NoGradGuard without_gradients;
    draw(step / updates_);
    measure();
    prepare(experience_, drawn_);
  }
  micro_batches_ = cut(prompts_of(step % updates_));
  std::vector<double> weights;
  for (const std::vector<size_t>& part : micro_batches_)
    weights.push_back(weight(experience_.mask.index_select(0, at::tensor(rows_of(part)))));
  weight_ = 0;
  for (const double one : weights) weight_ += one;
  return weights;
}

at::Tensor OnlineTask::loss_sum(int64_t, size_t micro_batch, train::Metrics& sums) {
  const std::vector<size_t>& prompts = micro_batches_[micro_batch];
  const PackedAnswers packed = pack(prompts, model());
  const at::Tensor hidden = model().hidden(packed.rows);
  std::vector<int64_t> rows = rows_of(prompts);
  const at::Tensor mask = experience_.mask.index_select(0, at::tensor(rows));
  const at::Tensor log_probs = padded(this->log_probs(model(), hidden, packed), packed, mask.size(1));
  if (micro_batch == 0)
    for (const auto& [name, value] : drawn_) sums[name] += value * weight_;  // which the loop divides by
  return loss({std::move(rows), packed, hidden, log_probs, mask}, experience_, sums);
}

void OnlineTask::draw(int64_t number) {
  std::vector<std::vector<text::TokenId>> prompts;
  for (const size_t index : batches_.records_of(number)) prompts.push_back(prompts_[index]);
  const std::vector<Rollout> rollouts =
      draw_answers(policy_.snapshot(), prompts, rollout_, threads_,
                   RandomStream(batch_.seed, fmt::format("answers of batch {}", number))());
  experience_ = {};
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < prompts.size(); ++i) {
    AnsweredPrompt& prompted = experience_.prompts.emplace_back();
    prompted.prompt = prompts[i];
    for (int64_t k = 0; k < rollout_.num_generations; ++k) {
      const Rollout& rollout = rollouts[i * static_cast<size_t>(rollout_.num_generations) + static_cast<size_t>(k)];
      prompted.answers.push_back(rollout.tokens);
      experience_.ended.push_back(rollout.ended);
      lengths.push_back(static_cast<int64_t>(rollout.tokens.size()));
    }
  }
  experience_.lengths = at::tensor(lengths);
  const int64_t width = *std::ranges::max_element(lengths);
  experience_.mask = at::arange(width).unsqueeze(0).lt(experience_.lengths.unsqueeze(1)).to(at::kFloat);
}

/// Scores, log-probabilities and values of what was drawn.
void OnlineTask::measure() {
  std::vector<size_t> all(experience_.prompts.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  const int64_t width = experience_.mask.size(1);
  const bool own_reference = policy_.reference == policy_.model;
  std::vector<at::Tensor> log_probs, ref_log_probs, values;
  for (const std::vector<size_t>& part : cut(all)) {
    const PackedAnswers packed = pack(part, model());
    const at::Tensor hidden = model().hidden(packed.rows);
    log_probs.push_back(padded(this->log_probs(model(), hidden, packed), packed, width));
    if (model().spec().value_head)
      values.push_back(padded(model().values(hidden.index_select(0, packed.sources)), packed, width));
    if (own_reference) model().parameters().use_adapter(false);
    const at::Tensor ref_hidden = policy_.reference->hidden(packed.rows);
    ref_log_probs.push_back(padded(this->log_probs(*policy_.reference, ref_hidden, packed), packed, width));
    model().parameters().use_adapter(true);
  }
  experience_.log_probs = at::cat(log_probs);
  experience_.ref_log_probs = at::cat(ref_log_probs);
  if (!values.empty()) experience_.values = at::cat(values);

  std::vector<Answered> answered;
  const text::Tokenizer& tokenizer = policy_.base->tokenizer();
  for (const AnsweredPrompt& prompted : experience_.prompts)
    for (const auto& answer : prompted.answers)
      answered.push_back(
          {{prompted.prompt, {answer}, {}}, tokenizer.decode(prompted.prompt), tokenizer.decode(answer)});
  experience_.scores = at::tensor(scorer_->scores(answered));

  const double answers = static_cast<double>(answered.size());
  const at::Tensor kl = (experience_.log_probs - experience_.ref_log_probs).sum(1);
  drawn_ = {{"objective/kl", kl.mean().item<double>()},
            {"objective/scores", experience_.scores.mean().item<double>()},
            {"objective/entropy", -experience_.log_probs.sum(1).mean().item<double>()},
            {"completions/mean_length", experience_.lengths.sum().item<double>() / answers},
            {"completions/ended", static_cast<double>(std::ranges::count(experience_.ended, true)) / answers}};
}

std::vector<int64_t> OnlineTask::rows_of(const std::vector<size_t>& prompts) const {
  std::vector<int64_t> rows;
  for (const size_t prompt : prompts)
    for (int64_t k = 0; k < rollout_.num_generations; ++k)
      rows.push_back(static_cast<int64_t>(prompt) * rollout_.num_generations + k);
  return rows;
}

PackedAnswers OnlineTask::pack(const std::vector<size_t>& prompts, nn::Decoder& model) const {
  std::vector<const AnsweredPrompt*> pointers;
  for (const size_t prompt : prompts) pointers.push_back(&experience_.prompts[prompt]);
  return pack_answers(pointers, model);
}

/// At the temperature that answers are drawn at.
at::Tensor OnlineTask::log_probs(nn::Decoder& model, const at::Tensor& hidden, const PackedAnswers& packed) const {
  nn::Linear head = model.head();
  if (head.bias.defined()) head.bias = head.bias / rollout_.temperature;
  return nn::token_log_probs(hidden.index_select(0, packed.sources) / rollout_.temperature, head, packed.targets);
}

std::vector<std::vector<size_t>> OnlineTask::cut(const std::vector<size_t>& prompts) const {
  std::vector<std::vector<size_t>> parts;
  int64_t tokens = 0;
  for (const size_t prompt : prompts) {
    const int64_t size = experience_.prompts[prompt].size();
    if (parts.empty() || tokens + size > batch_.micro_batch_tokens) {
      parts.emplace_back();
      tokens = 0;
    }
    parts.back().push_back(prompt);
    tokens += size;
  }
  return parts;
}

}  // namespace orrery::align
