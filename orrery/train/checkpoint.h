// What a run needs to go on: a folder per checkpoint, whole or not there at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "orrery/train/optimizer.h"

namespace orrery::train {

/// RUN/checkpoint-STEP: parameters.safetensors (those that learn), optimizer.safetensors, state.json.
class Checkpoints {
 public:
  /// `keep`: how many stay, the newest; 0: all. Removes what a killed run left half-written.
  Checkpoints(std::filesystem::path run, int64_t keep);

  /// Written beside its place and renamed; then older ones go.
  void save(const AdamW& optimizer) const;
  /// The newest one's step; none where the run has none.
  std::optional<int64_t> newest() const;
  /// Copies it into the optimizer and its parameters. Throws Error naming the tensor that does not fit.
  void load(int64_t step, AdamW& optimizer) const;

  std::filesystem::path folder(int64_t step) const;

 private:
  std::vector<int64_t> steps() const;  // ascending

  std::filesystem::path run_;
  int64_t keep_;
};

}  // namespace orrery::train
