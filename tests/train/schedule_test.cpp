#include "orrery/train/schedule.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"

namespace orrery::train {
namespace {

TEST(Schedule, GoesAsNamed) {
  const auto factors = [](ScheduleKind kind, int64_t decay = 0) {
    const Schedule schedule{kind, 4, 12, decay};
    std::vector<double> all;
    for (const int64_t step : {0, 2, 4, 8, 11, 12}) all.push_back(schedule.factor(step));
    return all;
  };
  const auto expect = [](const std::vector<double>& ours, const std::vector<double>& theirs) {
    for (size_t i = 0; i < theirs.size(); ++i) EXPECT_NEAR(ours[i], theirs[i], 1e-12) << i;
  };
  expect(factors(ScheduleKind::kConstant), {0, 0.5, 1, 1, 1, 1});
  expect(factors(ScheduleKind::kLinear), {0, 0.5, 1, 0.5, 0.125, 0});
  expect(factors(ScheduleKind::kCosine), {0, 0.5, 1, 0.5, 0.5 * (1 - 0.92387953251128674), 0});
  expect(factors(ScheduleKind::kWsd, 2), {0, 0.5, 1, 1, 0.5, 0});
}

TEST(Schedule, NamesGoBothWays) {
  for (const char* text : {"constant", "linear", "cosine", "warmup_stable_decay"})
    EXPECT_EQ(name(schedule_from_name(text)), text);
  EXPECT_THROW(schedule_from_name("cosinus"), Error);
}

}  // namespace
}  // namespace orrery::train
