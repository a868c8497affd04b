// Learning from answers that the policy itself draws: what PPO, RLOO and GRPO have in common.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "orrery/align/answers.h"
#include "orrery/align/batches.h"
#include "orrery/align/rollouts.h"
#include "orrery/align/scorer.h"
#include "orrery/train/loop.h"

namespace orrery::align {

/// A policy and what belongs to it.
struct Policy {
  std::shared_ptr<nn::Decoder> model;
  std::shared_ptr<const text::Checkpoint> base;  ///< what it was loaded from; its tokenizer
  /// Its weights as they are, for the engine.
  std::function<std::shared_ptr<const text::Checkpoint>()> snapshot;
  /// What it is held to; the model itself where that is the model without its adapter.
  std::shared_ptr<nn::Decoder> reference;
};

/// A batch of answers: `prompts` have num_generations each, and rows of tensors are answers, prompt after prompt.
/// Shapes are [answers, tokens] unless said otherwise; what stands behind an answer's last token is 0.
struct Experience {
  std::vector<AnsweredPrompt> prompts;
  std::vector<bool> ended;  ///< of each answer: by a token that ends it
  at::Tensor scores;        ///< [answers]
  at::Tensor lengths;       ///< [answers] int64
  at::Tensor mask;
  at::Tensor log_probs, ref_log_probs;  ///< of the policy that drew them, and of the reference
  at::Tensor values;                    ///< of the policy's value head, where it has one
};

/// Every `updates` steps, draws answers to a batch of prompts, scores them, and has them learned from in these steps.
class OnlineTask : public train::Task {
 public:
  OnlineTask(Policy policy, std::vector<std::vector<text::TokenId>> prompts, std::shared_ptr<Scorer> scorer,
             const BatchOptions& batch, const RolloutOptions& rollout, int threads, int64_t updates);

  const train::NamedTensors& parameters() const final { return policy_.model->parameters().all(); }
  std::vector<double> begin_step(int64_t step) final;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) final;

  /// Steps between two drawings: a checkpoint elsewhere could not go on.
  int64_t updates() const { return updates_; }
  int64_t steps_per_epoch() const final { return batches_.steps_per_epoch() * updates_; }

 protected:
  /// Some prompts of an update. Tensors are the experience's rows that belong to them.
  struct Part {
    std::vector<int64_t> rows;
    const PackedAnswers& packed;
    at::Tensor hidden;
    at::Tensor log_probs;  ///< of the policy as it is now, with gradient
    at::Tensor mask;
  };
  /// After answers were drawn: what the loss needs beside them. Adds metrics of the batch.
  virtual void prepare(const Experience& experience, train::Metrics& metrics) = 0;
  /// The prompts that an update learns from, by their number in the experience.
  virtual std::vector<size_t> prompts_of(int64_t update) const = 0;
  /// What the loss of some answers is a sum over.
  virtual double weight(const at::Tensor& mask) const = 0;
  virtual at::Tensor loss(const Part& part, const Experience& experience, train::Metrics& sums) = 0;

  nn::Decoder& model() const { return *policy_.model; }
  const BatchOptions& batch() const { return batch_; }
  const RolloutOptions& rollout() const { return rollout_; }

 private:
  void draw(int64_t batch);
  void measure();
  std::vector<int64_t> rows_of(const std::vector<size_t>& prompts) const;
  PackedAnswers pack(const std::vector<size_t>& prompts, nn::Decoder& model) const;
  at::Tensor log_probs(nn::Decoder& model, const at::Tensor& hidden, const PackedAnswers& packed) const;
  std::vector<std::vector<size_t>> cut(const std::vector<size_t>& prompts) const;

  const Policy policy_;
  const std::vector<std::vector<text::TokenId>> prompts_;
  const std::shared_ptr<Scorer> scorer_;
  const BatchOptions batch_;
  const Batches batches_;
  const RolloutOptions rollout_;
  const int threads_;
  const int64_t updates_;
  Experience experience_;
  train::Metrics drawn_;  // of the batch
  std::vector<std::vector<size_t>> micro_batches_;
  double weight_ = 0;  // of the step
};

/// [answers, width] of values [m], which belong to answers' predicted tokens; 0 elsewhere.
at::Tensor padded(const at::Tensor& values, const PackedAnswers& packed, int64_t width);

}  // namespace orrery::align
