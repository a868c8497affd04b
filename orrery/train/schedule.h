// How the learning rate goes over a run.
#pragma once

#include <cstdint>

#include "orrery/train/options.h"

namespace orrery::train {

struct Schedule {
  /// Of a run of `steps` steps.
  Schedule(const ScheduleOptions& options, int64_t steps);

  /// What the peak rate is multiplied by in step `step`, from 0. The first step after a warm-up of w has 1.
  double factor(int64_t step) const;

 private:
  ScheduleOptions options_;
  int64_t steps_;
};

}  // namespace orrery::train
