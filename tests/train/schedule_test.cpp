#include "orrery/train/schedule.h"

#include <gtest/gtest.h>

#include "tests/text/tiny_model.h"

namespace orrery::train {
namespace {

std::vector<double> factors(const ScheduleOptions& options) {
  const Schedule schedule(options, 12);
  std::vector<double> all;
  for (const int64_t step : {0, 2, 4, 8, 10, 11, 12}) all.push_back(schedule.factor(step));
  return all;
}

void expect(const std::vector<double>& ours, const std::vector<double>& theirs) {
  for (size_t i = 0; i < theirs.size(); ++i) EXPECT_NEAR(ours[i], theirs[i], 1e-12) << i;
}

TEST(Schedule, GoesAsNamed) {
  const auto of = [](ScheduleKind kind) { return factors({.lr_scheduler_type = kind, .warmup_steps = 4}); };
  expect(of(ScheduleKind::kConstant), {0, 0.5, 1, 1, 1, 1, 1});
  expect(of(ScheduleKind::kLinear), {0, 0.5, 1, 0.5, 0.25, 0.125, 0});
  const double eighth = 0.5 * (1 - 0.92387953251128674);  // cos π/8
  expect(of(ScheduleKind::kCosine), {0, 0.5, 1, 0.5, 0.5 * (1 - 0.70710678118654752), eighth, 0});
  expect(of(ScheduleKind::kWsd), {0, 0.5, 1, 1, 1, 1, 1});
}

TEST(Schedule, DecaysToItsLeast) {
  const auto of = [](DecayKind kind) {
    return factors({.lr_scheduler_type = ScheduleKind::kWsd,
                    .warmup_steps = 4,
                    .min_lr_ratio = 0.2,
                    .num_decay_steps = 4,
                    .decay_type = kind});
  };
  expect(of(DecayKind::kLinear), {0, 0.5, 1, 1, 0.6, 0.4, 0.2});
  expect(of(DecayKind::kCosine), {0, 0.5, 1, 1, 0.6, 0.2 + 0.4 * (1 - 0.70710678118654752), 0.2});
  expect(of(DecayKind::kOneMinusSqrt),
         {0, 0.5, 1, 1, 0.2 + 0.8 * (1 - 0.70710678118654752), 0.2 + 0.8 * (1 - 0.86602540378443865), 0.2});
  const ScheduleOptions cosine{.lr_scheduler_type = ScheduleKind::kCosine, .warmup_steps = 4, .min_lr_ratio = 0.2};
  expect(factors(cosine), {0, 0.5, 1, 0.6, 0.2 + 0.4 * (1 - 0.70710678118654752)});
}

TEST(Schedule, AWarmupMayBeAShare) {
  const ScheduleOptions share{.lr_scheduler_type = ScheduleKind::kConstant, .warmup_ratio = 0.3};  // 3.6 steps: 4
  expect(factors(share), {0, 0.5, 1});
  const ScheduleOptions both{.lr_scheduler_type = ScheduleKind::kConstant, .warmup_steps = 8, .warmup_ratio = 0.3};
  expect(factors(both), {0, 0.25, 0.5, 1});
}

TEST(Names, GoBothWays) {
  for (const auto& [kind, name] : kScheduleNames) EXPECT_EQ(from_name(kScheduleNames, "lr_scheduler_type", name), kind);
  EXPECT_EQ(name_of(kScheduleNames, ScheduleKind::kConstant), "constant");
  EXPECT_EQ(name_of(kOptimizerNames, from_name(kOptimizerNames, "optim", "lion_32bit")), "lion");
  const std::string what = text::error_of([] { from_name(kOptimizerNames, "optim", "leon"); });
  for (const char* part : {"optim", "leon", "adamw_8bit, "}) EXPECT_NE(what.find(part), std::string::npos) << what;
}

}  // namespace
}  // namespace orrery::train
