// Averages of the weights over the steps (Polyak and Juditsky 1992, exponentially forgetting).
#pragma once

#include <cstdint>

#include "orrery/train/update_rule.h"

namespace orrery::train {

/// a ← d·a + (1 - d)·w with d = min(decay, (1 + t)/(10 + t)) behind step t, from 1. Four bytes per value that learns.
class WeightAverage {
 public:
  /// Of float32 tensors on the CPU, which stay theirs. Starts with their values.
  WeightAverage(const NamedTensors& weights, double decay);

  void update(int64_t step);
  /// Exchanges averages and weights, and back.
  void swap();
  /// The very tensors: to be stored, or restored by writing into them.
  const NamedTensors& values() const { return averages_; }

 private:
  const NamedTensors& weights_;
  const double decay_;
  NamedTensors averages_;
};

}  // namespace orrery::train
