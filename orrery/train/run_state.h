// What a run has come to, besides tensors.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "orrery/train/metrics.h"
#include "orrery/train/options.h"

namespace orrery::train {

/// Names of transformers' TrainerState.
struct RunState {
  int64_t global_step = 0;            ///< steps done
  int64_t num_input_tokens_seen = 0;  ///< where the task counts them
  std::optional<double> best_metric;  ///< of the evaluations
  int64_t best_global_step = 0;       ///< the step behind which that was
  int64_t early_stopping_patience_counter = 0;
  std::vector<std::string> said;  ///< Task::said()
};

/// As state.json has it, and back. run_state throws nlohmann's exception where something is missing, but for `said`,
/// which older files lack.
nlohmann::ordered_json json_of(const RunState& state);
RunState run_state(const nlohmann::json& json);

/// Takes an evaluation's metrics ("eval_loss") in, as transformers' EarlyStoppingCallback and Trainer do: the counter
/// goes on unless metric_for_best_model is better than the best by more than early_stopping_threshold. Says whether it
/// is the best so far; what is not finite never is. Throws Error listing the metrics where there is none of that name.
bool judge(const LoopOptions& options, const Metrics& evaluation, RunState& state);

}  // namespace orrery::train
