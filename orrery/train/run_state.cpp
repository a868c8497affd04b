#include "orrery/train/run_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ranges>

#include "orrery/base/error.h"

namespace orrery::train {

nlohmann::ordered_json json_of(const RunState& state) {
  nlohmann::ordered_json json{{"global_step", state.global_step},
                              {"num_input_tokens_seen", state.num_input_tokens_seen},
                              {"best_metric", nullptr},
                              {"best_global_step", state.best_global_step},
                              {"early_stopping_patience_counter", state.early_stopping_patience_counter}};
  if (state.best_metric) json["best_metric"] = *state.best_metric;
  if (!state.said.empty()) json["said"] = state.said;
  return json;
}

RunState run_state(const nlohmann::json& json) {
  RunState state;
  json.at("global_step").get_to(state.global_step);
  json.at("num_input_tokens_seen").get_to(state.num_input_tokens_seen);
  if (!json.at("best_metric").is_null()) state.best_metric = json["best_metric"].get<double>();
  json.at("best_global_step").get_to(state.best_global_step);
  json.at("early_stopping_patience_counter").get_to(state.early_stopping_patience_counter);
  if (json.contains("said")) json["said"].get_to(state.said);
  return state;
}

bool judge(const LoopOptions& options, const Metrics& evaluation, RunState& state) {
  const std::string& wanted = options.metric_for_best_model;
  const std::string name = wanted.starts_with("eval_") ? wanted : "eval_" + wanted;
  const auto found = evaluation.find(name);
  if (found == evaluation.end())
    throw Error({.doing = "find the best model",
                 .where = "metric_for_best_model",
                 .found = wanted,
                 .expected = fmt::format("one of {}", fmt::join(std::views::keys(evaluation), ", "))});
  const double value = found->second, sign = options.greater_is_better.value_or(!wanted.ends_with("loss")) ? 1 : -1;
  const double gain = !std::isfinite(value) ? -INFINITY
                      : state.best_metric   ? sign * (value - *state.best_metric)
                                            : INFINITY;
  state.early_stopping_patience_counter =
      gain > options.early_stopping_threshold ? 0 : state.early_stopping_patience_counter + 1;
  if (!(gain > 0)) return false;
  state.best_metric = value;
  state.best_global_step = state.global_step;
  return true;
}

}  // namespace orrery::train
