#include "orrery/train/loop.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <numeric>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/base/progress.h"
#include "orrery/train/checkpoint.h"
#include "orrery/train/schedule.h"

namespace orrery::train {

namespace {

// Named already, so that command lines can be written; each goes as soon as it works.
void refuse_what_is_to_come(const LoopOptions& options) {
  const char* option = options.optimizer.optim != OptimizerKind::kAdamW ? "optim"
                       : options.ema_decay > 0                          ? "ema_decay"
                       : options.eval_steps > 0                         ? "eval_steps"
                       : options.max_steps <= 0                         ? "num_train_epochs"
                                                                        : nullptr;
  if (option != nullptr) throw Error({.doing = "train", .where = option, .found = "an option that does not work yet"});
}

class Run {
 public:
  Run(Task& task, const LoopOptions& options)
      : task_(task),
        options_(options),
        schedule_(options.schedule, options.max_steps),
        optimizer_(task.parameters(), options.optimizer),
        checkpoints_(options.output_dir, options.save_total_limit) {
    const std::optional<int64_t> newest = checkpoints_.newest();
    if (newest && !options.resume)
      throw Error({.doing = "train",
                   .where = options.output_dir.string(),
                   .found = fmt::format("a run with a checkpoint of step {}", *newest),
                   .expected = "a new folder, or --resume to go on with it"});
    if (newest) checkpoints_.load(*newest, optimizer_);
    log_.emplace(options.output_dir, optimizer_.steps());
  }

  void run() {
    Progress progress({.title = "training", .total = options_.max_steps, .unit = "steps"});
    while (optimizer_.steps() < options_.max_steps) {
      take_step();
      const int64_t done = optimizer_.steps();
      progress.update(done);
      const bool last = done == options_.max_steps;
      const bool saves = last || (options_.save_steps > 0 && done % options_.save_steps == 0);
      if (saves || done % options_.logging_steps == 0) log();  // a checkpoint has no half-summed averages
      if (saves) checkpoints_.save(optimizer_);
    }
  }

 private:
  void take_step() {
    const int64_t step = optimizer_.steps();
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
    double norm = 0;
    try {
      norm = optimizer_.gradient_norm();
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.where += fmt::format(" in step {}", step + 1);
      throw Error(parts);
    }
    const double rate = options_.learning_rate * schedule_.factor(step);
    const bool clipped = options_.max_grad_norm > 0 && norm > options_.max_grad_norm;
    optimizer_.step(rate, clipped ? options_.max_grad_norm / norm : 1);

    ++averaged_steps_;
    averages_["loss"] += loss;
    averages_["grad_norm"] += norm;
    averages_["learning_rate"] += rate;
    for (const auto& [name, sum] : sums) averages_[name] += sum / total;
  }

  [[noreturn]] void refuse_loss(int64_t step, size_t micro_batch, double value) {
    throw Error({.doing = "train",
                 .where = fmt::format("step {}, micro-batch {}", step + 1, micro_batch),
                 .found = fmt::format("a loss of {}", value),
                 .expected = "a finite number",
                 .advice = "a lower learning_rate may help; the last checkpoint is whole"});
  }

  void log() {
    Metrics metrics;
    for (const auto& [name, sum] : averages_) metrics[name] = sum / static_cast<double>(averaged_steps_);
    log_->add(optimizer_.steps(), metrics);
    averages_.clear();
    averaged_steps_ = 0;
  }

  Task& task_;
  const LoopOptions& options_;
  const Schedule schedule_;
  AdamW optimizer_;
  const Checkpoints checkpoints_;
  std::optional<MetricsLog> log_;
  Metrics averages_;
  int64_t averaged_steps_ = 0;
};

}  // namespace

void run(Task& task, const LoopOptions& options) {
  refuse_what_is_to_come(options);
  Run(task, options).run();
}

}  // namespace orrery::train
