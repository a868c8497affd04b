// One run in several processes: each does some of a step's micro-batches and keeps some of the optimizer's state.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "orrery/train/gradient_exchange.h"
#include "orrery/train/metrics.h"
#include "orrery/train/optimizer.h"
#include "orrery/train/ranks.h"

namespace orrery::train {

/// What a process's micro-batches add to a step.
struct StepShare {
  double loss = 0;
  Metrics sums;
};

/// Gradients are summed over the processes (GradientExchange). The optimizer's state of a tensor
/// lives in one process, which sends the new values to the others (ZeRO stage 1, Rajbhandari et al. 2020): a process
/// keeps about 1/size of the state, and all of weights, gradients and averages. Alone, all of it costs nothing.
class DataParallel {
 public:
  /// For these tensors, which learn. Waits for the other processes.
  explicit DataParallel(NamedTensors parameters);

  const Ranks& ranks() const { return ranks_; }
  /// Whether this process keeps the state of a tensor, which follows from all names and sizes.
  bool keeps(const std::string& name) const { return owners_.at(name) == ranks_.rank(); }
  /// Whether the micro-batch is this process's: they are dealt in turn, those of weight 0 left out.
  bool has_turn(size_t nth) const {
    return static_cast<int>(nth % static_cast<size_t>(ranks_.size())) == ranks_.rank();
  }

  /// Runs `work` here, which calls last_pass() before its last backward pass, and adds up what all processes' gave and
  /// their gradients. Where it throws Error in some, all throw the first one's.
  StepShare step(const std::function<StepShare()>& work);
  void last_pass() {
    if (exchange_) exchange_->last_pass();
  }
  /// Runs `work` in process 0 alone; all get what it gives, or throw the Error that it throws.
  nlohmann::json agree(const std::function<nlohmann::json()>& work);

  /// Sends what each process has updated in this step to the others.
  void share_updates();
  /// Process 0's values in all.
  void share(const NamedTensors& tensors);

  /// In process 0 the optimizer's whole state: its own tensors, and room for the others'. Elsewhere nothing.
  NamedTensors room_for_state(const Optimizer& optimizer, const OptimizerOptions& options) const;
  /// From the processes into that room.
  void collect_state(const Optimizer& optimizer, const NamedTensors& room) { move_state(optimizer, room, true); }
  /// And back.
  void spread_state(const Optimizer& optimizer, const NamedTensors& room) { move_state(optimizer, room, false); }
  /// The end of the run: waits for the others.
  void part() { ranks_.part(); }

 private:
  void move_state(const Optimizer& optimizer, const NamedTensors& room, bool to_first);

  const NamedTensors parameters_;
  Ranks ranks_;
  std::optional<GradientExchange> exchange_;  // unless alone
  std::string present_;                       // of the step's gradients, GradientExchange::present() of all processes
  std::map<std::string, int> owners_;
};

}  // namespace orrery::train
