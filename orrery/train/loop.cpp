#include "orrery/train/loop.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cassert>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/base/progress.h"
#include "orrery/train/checkpoint.h"
#include "orrery/train/data_parallel.h"
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

NamedTensors learning(const NamedTensors& parameters) {
  NamedTensors all;
  for (const auto& [name, tensor] : parameters)
    if (tensor.requires_grad()) all[name] = tensor;
  return all;
}

OptimizerOptions with_folder(const LoopOptions& options) {
  OptimizerOptions optimizer = options.optimizer;
  if (optimizer.page_folder.empty()) optimizer.page_folder = options.output_dir;
  return optimizer;
}

class Run {
 public:
  Run(Task& task, const LoopOptions& options)
      : task_(task),
        options_(options),
        steps_(steps_of(task, options)),
        schedule_(options.schedule, steps_),
        parallel_(learning(task.parameters())),
        rules_(with_folder(options)),
        optimizer_(learning(task.parameters()), [this](const std::string& name) { return rule_of(name); }) {
    if (options.ema_decay > 0) average_.emplace(optimizer_.parameters(), options.ema_decay);
    const NamedTensors state = parallel_.room_for_state(optimizer_, rules_);
    state_ = run_state(parallel_.agree([&] { return nlohmann::json(json_of(open(state))); }));
    task_.recall(state_.said);
    parallel_.share(optimizer_.parameters());
    if (average_) parallel_.share(average_->values());
    if (state_.global_step > 0) parallel_.spread_state(optimizer_, state);
  }

  RunState run() {
    const int64_t first = state_.global_step;
    const auto style = parallel_.ranks().leads() && !options_.quiet ? ProgressStyle::kAuto : ProgressStyle::kNone;
    Progress progress({.title = "training", .total = steps_ - first, .unit = "steps", .style = style});
    while (state_.global_step < steps_ && !out_of_patience()) {
      take_step();
      const bool evaluates = options_.eval_steps > 0 && (is_due(options_.eval_steps) || state_.global_step == steps_);
      Metrics evaluation;
      const bool better = evaluates && evaluate(evaluation);
      const bool saves = better || is_due(options_.save_steps) || state_.global_step == steps_ || out_of_patience();
      // Averages end where a checkpoint does, so that a resumed run logs what an undisturbed one logs.
      if (saves || evaluates || is_due(options_.logging_steps)) log(evaluation);
      if (saves) save();
      progress.note(task_.note(last_step_));
      progress.update(state_.global_step - first);
    }
    leave_weights();
    report();
    parallel_.part();
    return state_;
  }

 private:
  /// Of a tensor whose state this process keeps.
  std::unique_ptr<UpdateRule> rule_of(const std::string& name) {
    if (!parallel_.keeps(name)) return nullptr;
    auto rule = task_.rule_of(name);
    return rule ? std::move(rule) : make_update_rule(task_.parameters().at(name), rules_);
  }

  bool is_due(int64_t every) const { return every > 0 && state_.global_step % every == 0; }
  bool out_of_patience() const {
    return options_.early_stopping_patience > 0 &&
           state_.early_stopping_patience_counter >= options_.early_stopping_patience;
  }

  /// The run's folder, in the process that writes it, and where the run stands.
  RunState open(const NamedTensors& optimizer_state) {
    check_folder(options_);
    checkpoints_.emplace(options_.output_dir, options_.save_total_limit);
    const std::optional<int64_t> newest = checkpoints_->newest();
    RunState state;
    if (newest) {
      task_.take_sizes(checkpoints_->sizes(*newest));
      state = checkpoints_->load(*newest, tensors(optimizer_state), options_.optimizer.optim);
    }
    log_.emplace(options_.output_dir, state.global_step);
    return state;
  }

  RunTensors tensors(const NamedTensors& optimizer_state) const {
    return {optimizer_.parameters(), optimizer_state, average_ ? average_->values() : NamedTensors(), task_.memory()};
  }

  void save() {
    const NamedTensors state = parallel_.room_for_state(optimizer_, rules_);
    parallel_.collect_state(optimizer_, state);
    state_.said = task_.said();
    if (checkpoints_) checkpoints_->save(tensors(state), state_, options_.optimizer.optim);
    report();
  }

  void leave_weights() {
    if (options_.load_best_model_at_end && state_.best_metric) {
      parallel_.agree([&] {
        checkpoints_->load_weights(state_.best_global_step, optimizer_.parameters());
        return nlohmann::json();
      });
      parallel_.share(optimizer_.parameters());
    } else if (average_) {
      average_->swap();
    }
  }

  void take_step() {
    const double began = seconds_now();
    const int64_t step = state_.global_step;
    const std::vector<double> weights = task_.begin_step(step);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    assert(total > 0);
    const StepShare sum = parallel_.step([&] { return do_micro_batches(step, weights, total); });
    const double norm = gradient_norm(step);
    const double rate = options_.learning_rate * schedule_.factor(step);
    const bool clipped = options_.max_grad_norm > 0 && norm > options_.max_grad_norm;
    optimizer_.step({rate, clipped ? options_.max_grad_norm / norm : 1, step + 1});
    parallel_.share_updates();
    task_.after_step(step);
    if (average_) average_->update(step + 1);
    state_.global_step = step + 1;
    state_.num_input_tokens_seen += task_.tokens_of_step();

    last_step_ = {
        {"loss", sum.loss}, {"grad_norm", norm}, {"learning_rate", rate}, {"step_time", seconds_now() - began}};
    for (const auto& [name, value] : sum.sums) last_step_[name] = value / total;
    ++averaged_steps_;
    for (const auto& [name, value] : last_step_) averages_[name] += value;
    averaged_tokens_ += task_.tokens_of_step();
  }

  /// This process's, forward and backward.
  StepShare do_micro_batches(int64_t step, const std::vector<double>& weights, double total) {
    StepShare share;
    std::vector<size_t> own;
    size_t nth = 0;
    for (size_t i = 0; i < weights.size(); ++i)
      if (weights[i] != 0 && parallel_.has_turn(nth++)) own.push_back(i);
    for (const size_t i : own) {
      parallel_.ranks().check();
      const at::Tensor part = task_.loss_sum(step, i, share.sums) / total;
      const double value = part.item<double>();
      if (!std::isfinite(value)) refuse_loss(step, i, value);
      share.loss += value;
      if (i == own.back()) parallel_.last_pass();
      part.backward();
    }
    return share;
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
    const auto metrics = parallel_.agree([&]() -> nlohmann::json {
      Metrics all;
      const at::NoGradGuard without_gradients;
      const Averaged averaged(average_);
      task_.evaluate(all);
      return all;
    });
    if (metrics.empty())
      throw Error({.doing = "train",
                   .where = "eval_steps",
                   .found = fmt::format("{}, but no data to evaluate with", options_.eval_steps),
                   .expected = "0, or held-out data"});
    for (const auto& [name, value] : metrics.get<Metrics>()) evaluation["eval_" + name] = value;
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
    if (log_) log_->add(state_.global_step, metrics);
    averages_.clear();
    averaged_steps_ = averaged_tokens_ = 0;
  }

  void report() const {
    if (checkpoints_) write_report(options_.output_dir, options_.settings, state_, steps_);
  }

  Task& task_;
  const LoopOptions& options_;
  const int64_t steps_;
  const Schedule schedule_;
  DataParallel parallel_;
  const OptimizerOptions rules_;
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  std::optional<Checkpoints> checkpoints_;  // of the process that writes
  std::optional<MetricsLog> log_;           // likewise
  RunState state_;
  Metrics last_step_;
  Metrics averages_;  // sums over the steps since the last line
  int64_t averaged_steps_ = 0, averaged_tokens_ = 0;
};

}  // namespace

std::string Task::note(const Metrics& metrics) const { return fmt::format("loss {:.4g}", metrics.at("loss")); }

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
