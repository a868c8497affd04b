#include "orrery/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace orrery::train {

namespace {

double falling(DecayKind kind, double t) {
  switch (kind) {
    case DecayKind::kLinear:
      return 1 - t;
    case DecayKind::kCosine:
      return 0.5 * (1 + std::cos(M_PI * t));
    case DecayKind::kOneMinusSqrt:
      return 1 - std::sqrt(t);
  }
  return 1;
}

}  // namespace

Schedule::Schedule(const ScheduleOptions& options, int64_t steps) : options_(options), steps_(steps) {
  if (options_.warmup_steps == 0)
    options_.warmup_steps = static_cast<int64_t>(std::ceil(options_.warmup_ratio * static_cast<double>(steps)));
}

double Schedule::factor(int64_t step) const {
  const int64_t warmup = options_.warmup_steps;
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  const auto gone = [&](int64_t length) {  // of the last `length` steps
    return std::clamp(1 - static_cast<double>(steps_ - step) / static_cast<double>(std::max<int64_t>(1, length)), 0.0,
                      1.0);
  };
  const auto down = [&](DecayKind kind, double t) {
    return options_.min_lr_ratio + (1 - options_.min_lr_ratio) * falling(kind, t);
  };
  switch (options_.lr_scheduler_type) {
    case ScheduleKind::kConstant:
      return 1;
    case ScheduleKind::kLinear:
      return 1 - gone(steps_ - warmup);
    case ScheduleKind::kCosine:
      return down(DecayKind::kCosine, gone(steps_ - warmup));
    case ScheduleKind::kWsd:
      return options_.num_decay_steps == 0 ? 1 : down(options_.decay_type, gone(options_.num_decay_steps));
  }
  return 1;
}

}  // namespace orrery::train
