#include "orrery/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::train {

namespace {
constexpr std::pair<ScheduleKind, std::string_view> kNames[] = {{ScheduleKind::kConstant, "constant"},
                                                                {ScheduleKind::kLinear, "linear"},
                                                                {ScheduleKind::kCosine, "cosine"},
                                                                {ScheduleKind::kWsd, "warmup_stable_decay"}};
}  // namespace

double Schedule::factor(int64_t step) const {
  if (step < warmup_steps) return static_cast<double>(step) / static_cast<double>(warmup_steps);
  const double length = static_cast<double>(std::max<int64_t>(1, steps - warmup_steps));
  const double left = std::max(0.0, static_cast<double>(steps - step));
  switch (kind) {
    case ScheduleKind::kConstant:
      return 1;
    case ScheduleKind::kLinear:
      return left / length;
    case ScheduleKind::kCosine:
      return 0.5 * (1 + std::cos(M_PI * (1 - left / length)));
    case ScheduleKind::kWsd:
      return decay_steps == 0 ? 1 : std::min(1.0, left / static_cast<double>(decay_steps));
  }
  return 1;
}

ScheduleKind schedule_from_name(std::string_view wanted) {
  const auto found = std::ranges::find(kNames, wanted, &std::pair<ScheduleKind, std::string_view>::second);
  if (found != std::end(kNames)) return found->first;
  throw Error({.doing = "choose a schedule",
               .where = "lr_scheduler_type",
               .found = std::string(wanted),
               .expected = "constant, linear, cosine or warmup_stable_decay"});
}

std::string_view name(ScheduleKind kind) {
  return std::ranges::find(kNames, kind, &std::pair<ScheduleKind, std::string_view>::first)->second;
}

}  // namespace orrery::train
