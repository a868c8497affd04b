// What a run needs to go on: a folder per checkpoint, whole or not there at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "orrery/train/optimizer.h"
#include "orrery/train/run_state.h"

namespace orrery::train {

/// The tensors of a run: what learns, what the optimizer remembers, averages of the weights where there are any, and
/// what else the task remembers.
struct RunTensors {
  NamedTensors parameters, optimizer, averages, memory;
};

/// RUN/checkpoint-STEP: parameters.safetensors (those that learn), optimizer.safetensors, averages.safetensors where
/// weights are averaged, memory.safetensors where the task has one, state.json.
class Checkpoints {
 public:
  /// `keep`: how many stay, the newest, besides the best; 0: all. Removes what a killed run left half-written.
  Checkpoints(std::filesystem::path run, int64_t keep);

  /// Written beside its place and renamed; then others go.
  void save(const RunTensors& tensors, const RunState& state, OptimizerKind optimizer) const;
  /// The newest one's step; none where the run has none.
  std::optional<int64_t> newest() const;
  /// Of the tensors that learned. Throws Error where the file is damaged.
  std::map<std::string, std::vector<int64_t>> sizes(int64_t step) const;
  /// Copies it into the tensors. Throws Error naming what does not fit: a tensor, or the optimizer.
  RunState load(int64_t step, const RunTensors& tensors, OptimizerKind optimizer) const;
  /// Its weights alone, averaged where it has averages. Throws Error likewise.
  void load_weights(int64_t step, const NamedTensors& parameters) const;

  std::filesystem::path folder(int64_t step) const;

 private:
  std::vector<int64_t> steps() const;  // ascending

  std::filesystem::path run_;
  int64_t keep_;
};

}  // namespace orrery::train
