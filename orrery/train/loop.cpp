#include "orrery/train/loop.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cassert>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/base/progress.h"
#include "orrery/train/checkpoint.h"
#include "orrery/train/report.h"
#include "orrery/train/schedule.h"
#include "orrery/train/weight_average.h"

namespace orrery::train {

namespace {

void refuse_contradictions(const LoopOptions& options) {
  const auto refuse = [](const char* option, const char* found, const char* expected) {
    throw Error({.doing = "train", .where = option, .found = found, .expected = expected});
  };
  if (options.eval_steps <= 0 && options.load_best_model_at_end)
    refuse("load_best_model_at_end", "no evaluations", "eval_steps of 1 or more");
  if (options.eval_steps <= 0 && options.early_stopping_patience > 0)
    refuse("early_stopping_patience", "no evaluations", "eval_steps of 1 or more");
  if (options.ema_decay < 0 || options.ema_decay >= 1)
    refuse("ema_decay", fmt::format("{}", options.ema_decay).c_str(), "0, or a number between 0 and 1");
}

int64_t steps_of(const Task& task, const LoopOptions& options) {
  if (options.max_steps > 0) return options.max_steps;
  if (task.steps_per_epoch() == 0)
    throw Error({.doing = "train",
                 .where = "max_steps",
                 .found = "none",
                 .expected = "1 or more, because this data has no epochs to count"});
  return static_cast<int64_t>(std::ceil(options.num_train_epochs * static_cast<double>(task.steps_per_epoch())));
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Run {
 public:
  Run(Task& task, const LoopOptions& options)
      : task_(task),
        options_(options),
        steps_(steps_of(task, options)),
        schedule_(options.schedule, steps_),
        optimizer_(task.parameters(), options.optimizer),
        checkpoints_(options.output_dir, options.save_total_limit) {
    check_folder(options);
    if (options.ema_decay > 0) average_.emplace(optimizer_.parameters(), options.ema_decay);
    const std::optional<int64_t> newest = checkpoints_.newest();
    if (newest) state_ = checkpoints_.load(*newest, tensors(), options.optimizer.optim);
    log_.emplace(options.output_dir, state_.global_step);
  }

  RunState run() {
    const int64_t first = state_.global_step;
    Progress progress({.title = "training",
                       .total = steps_ - first,
                       .unit = "steps",
                       .style = options_.quiet ? ProgressStyle::kNone : ProgressStyle::kAuto});
    while (state_.global_step < steps_ && !out_of_patience()) {
      take_step();
      const bool evaluates = options_.eval_steps > 0 && (is_due(options_.eval_steps) || state_.global_step == steps_);
      Metrics evaluation;
      const bool better = evaluates && evaluate(evaluation);
      const bool saves = better || is_due(options_.save_steps) || state_.global_step == steps_ || out_of_patience();
      // Averages end where a checkpoint does, so that a resumed run logs what an undisturbed one logs.
      if (saves || evaluates || is_due(options_.logging_steps)) log(evaluation);
      if (saves) checkpoints_.save(tensors(), state_, options_.optimizer.optim);
      if (saves) report();
      progress.update(state_.global_step - first);
    }
    if (options_.load_best_model_at_end && state_.best_metric)
      checkpoints_.load_weights(state_.best_global_step, optimizer_.parameters());
    else if (average_)
      average_->swap();
    report();
    return state_;
  }

 private:
  bool is_due(int64_t every) const { return every > 0 && state_.global_step % every == 0; }
  bool out_of_patience() const {
    return options_.early_stopping_patience > 0 &&
           state_.early_stopping_patience_counter >= options_.early_stopping_patience;
  }
  RunTensors tensors() const {
    return {optimizer_.parameters(), optimizer_.state(), average_ ? average_->values() : NamedTensors()};
  }

  void take_step() {
    const double began = seconds_now();
    const int64_t step = state_.global_step;
    const std::vector<double> weights = task_.begin_step(step);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    assert(total > 0);
    Metrics sums;
    double loss = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      const at::Tensor part = task_.loss_sum(step, i, sums) / total;
      const double value = part.item<double>();
      if (!std::isfinite(value)) refuse_loss(step, i, value);
      loss += value;
      part.backward();
    }
    const double norm = gradient_norm(step);
    const double rate = options_.learning_rate * schedule_.factor(step);
    const bool clipped = options_.max_grad_norm > 0 && norm > options_.max_grad_norm;
    optimizer_.step({rate, clipped ? options_.max_grad_norm / norm : 1, step + 1});
    if (average_) average_->update(step + 1);
    state_.global_step = step + 1;
    state_.num_input_tokens_seen += task_.tokens_of_step();

    ++averaged_steps_;
    averages_["loss"] += loss;
    averages_["grad_norm"] += norm;
    averages_["learning_rate"] += rate;
    for (const auto& [name, sum] : sums) averages_[name] += sum / total;
    averages_["step_time"] += seconds_now() - began;
    averaged_tokens_ += task_.tokens_of_step();
  }

  double gradient_norm(int64_t step) const {
    try {
      return optimizer_.gradient_norm();
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.where += fmt::format(" in step {}", step + 1);
      throw Error(parts);
    }
  }

  [[noreturn]] void refuse_loss(int64_t step, size_t micro_batch, double value) {
    throw Error({.doing = "train",
                 .where = fmt::format("step {}, micro-batch {}", step + 1, micro_batch),
                 .found = fmt::format("a loss of {}", value),
                 .expected = "a finite number",
                 .advice = "a lower learning_rate may help; the last checkpoint is whole"});
  }

  /// Says whether it is the best so far.
  bool evaluate(Metrics& evaluation) {
    struct Averaged {  // the averages in the weights' place, whatever happens
      explicit Averaged(std::optional<WeightAverage>& average) : average(average) { swap(); }
      ~Averaged() { swap(); }
      void swap() {
        if (average) average->swap();
      }
      std::optional<WeightAverage>& average;
    };
    Metrics metrics;
    {
      const at::NoGradGuard without_gradients;
      const Averaged averaged(average_);
      task_.evaluate(metrics);
    }
    if (metrics.empty())
      throw Error({.doing = "train",
                   .where = "eval_steps",
                   .found = fmt::format("{}, but no data to evaluate with", options_.eval_steps),
                   .expected = "0, or held-out data"});
    for (const auto& [name, value] : metrics) evaluation["eval_" + name] = value;
    return judge(options_, evaluation, state_);
  }

  void log(const Metrics& evaluation) {
    Metrics metrics = evaluation;
    for (const auto& [name, sum] : averages_) metrics[name] = sum / static_cast<double>(averaged_steps_);
    if (task_.steps_per_epoch() > 0)
      metrics["epoch"] = static_cast<double>(state_.global_step) / static_cast<double>(task_.steps_per_epoch());
    if (state_.num_input_tokens_seen > 0) {
      metrics["num_input_tokens_seen"] = static_cast<double>(state_.num_input_tokens_seen);
      metrics["train_tokens_per_second"] = static_cast<double>(averaged_tokens_) / averages_["step_time"];
    }
    log_->add(state_.global_step, metrics);
    averages_.clear();
    averaged_steps_ = averaged_tokens_ = 0;
  }

  void report() const { write_report(options_.output_dir, options_.settings, state_, steps_); }

  Task& task_;
  const LoopOptions& options_;
  const int64_t steps_;
  const Schedule schedule_;
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  const Checkpoints checkpoints_;
  RunState state_;
  std::optional<MetricsLog> log_;
  Metrics averages_;  // sums over the steps since the last line
  int64_t averaged_steps_ = 0, averaged_tokens_ = 0;
};

}  // namespace

void check_folder(const LoopOptions& options) {
  if (options.resume || !std::filesystem::exists(options.output_dir)) return;
  if (const std::optional<int64_t> newest = Checkpoints(options.output_dir, options.save_total_limit).newest())
    throw Error({.doing = "train",
                 .where = options.output_dir.string(),
                 .found = fmt::format("a run with a checkpoint of step {}", *newest),
                 .expected = "a new folder, or --resume to go on with it"});
}

RunState run(Task& task, const LoopOptions& options) {
  refuse_contradictions(options);
  return Run(task, options).run();
}

}  // namespace orrery::train
