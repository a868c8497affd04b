// How the learning rate goes over a run.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::train {

/// transformers' names (lr_scheduler_type).
enum class ScheduleKind {
  kConstant,
  kLinear,  ///< to 0
  kCosine,  ///< half a cosine, to 0 (Loshchilov and Hutter 2017, "SGDR", without restarts)
  kWsd,     ///< warm-up, stable, then linearly to 0 over the last decay_steps (Hu et al. 2024, "MiniCPM")
};

struct Schedule {
  ScheduleKind kind = ScheduleKind::kLinear;
  int64_t warmup_steps = 0;  ///< linearly from 0
  int64_t steps = 1;         ///< of the run
  int64_t decay_steps = 0;   ///< kWsd

  /// What the peak rate is multiplied by in step `step`, from 0. The first step after a warm-up of w has 1.
  double factor(int64_t step) const;
};

/// "constant", "linear", "cosine", "warmup_stable_decay". Throws Error listing them.
ScheduleKind schedule_from_name(std::string_view name);
std::string_view name(ScheduleKind kind);

}  // namespace orrery::train
