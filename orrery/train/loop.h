// The one training loop.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orrery/train/metrics.h"
#include "orrery/train/options.h"
#include "orrery/train/run_state.h"
#include "orrery/train/update_rule.h"

namespace orrery::train {

/// What is trained: a model, data and a loss. Everything that a step does follows from its number (random draws come
/// from named streams), so that a killed run goes on as if nothing had been.
class Task {
 public:
  virtual ~Task() = default;
  virtual const NamedTensors& parameters() const = 0;
  /// The micro-batches of a step, from 0: what the loss of each is a sum over (tokens, pairs). The step's loss is the
  /// sum of all over the sum of these, so that cutting a batch changes nothing. At least one is more than 0.
  virtual std::vector<double> begin_step(int64_t step) = 0;
  /// The sum of losses of one micro-batch. Adds sums to `sums`, which are divided likewise.
  virtual at::Tensor loss_sum(int64_t step, size_t micro_batch, Metrics& sums) = 0;
  /// Tokens in all micro-batches of the step that began last; 0: it has none to count.
  virtual int64_t tokens_of_step() const { return 0; }
  /// Steps that see every record once; 0: it has no such thing.
  virtual int64_t steps_per_epoch() const { return 0; }
  /// How a tensor learns; none: by the options' optimizer.
  virtual std::unique_ptr<UpdateRule> rule_of(const std::string&) { return nullptr; }
  /// What a resumed run has to know besides parameters and rules: the very tensors, stored with them.
  virtual NamedTensors memory() const { return {}; }
  /// What it has said and will not say again, by names of its own: in a checkpoint, and given back to a resumed run.
  virtual std::vector<std::string> said() const { return {}; }
  virtual void recall(const std::vector<std::string>&) {}
  /// Behind the optimizer's step. May give parameters, rules and memory other sizes (at::Tensor::set_data), where the
  /// run is one process and weights are not averaged.
  virtual void after_step(int64_t) {}
  /// Before a checkpoint is read: gives parameters, rules and memory the sizes that it has of the parameters.
  virtual void take_sizes(const std::map<std::string, std::vector<int64_t>>&) {}
  /// What progress says of the last step's metrics.
  virtual std::string note(const Metrics& metrics) const;
  /// Puts what held-out data say of the parameters as they are now into `metrics` ("loss"; the loop adds "eval_"), the
  /// same whenever it is asked. Without gradients. Nothing: it has no such data.
  virtual void evaluate(Metrics&) {}
};

/// Throws Error where output_dir holds a run that is not to be resumed. run() asks it too.
void check_folder(const LoopOptions& options);

/// Trains until max_steps, or num_train_epochs, or until evaluations get no better. In RUN (output_dir): metrics.jsonl
/// with a line per logged, evaluated or saved step, TensorBoard's events, checkpoints, and report.html, written with
/// each checkpoint and at the end.
///
/// Metrics are the task's and loss, grad_norm, learning_rate; epoch and num_input_tokens_seen where the task knows;
/// step_time (seconds per step) and train_tokens_per_second, which alone differ between equal runs.
///
/// When it returns, the task's parameters are what to export: the averages with ema_decay, those of the best checkpoint
/// with load_best_model_at_end. Evaluations see averages too. What the steps themselves came to is in the checkpoint.
/// A run that was killed at any moment, and resumed, gives the same weights and metrics as an undisturbed one.
///
/// In several processes (ranks.h) every one calls this with the same task and options. Each step's micro-batches are
/// dealt among them, so there should be as many of a step's, or more; process 0 evaluates and writes. The run is the
/// same but for the order of sums, and may go on in another number of processes.
///
/// Throws Error naming the step and the micro-batch whose loss is not finite, or the tensor whose gradient is not; what
/// learns is then as it was before that step. Throws Error naming options that contradict each other or the task.
RunState run(Task& task, const LoopOptions& options);

}  // namespace orrery::train
