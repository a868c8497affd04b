#include "orrery/base/log.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"

namespace orrery {
namespace {

TEST(Log, IsSilentUntilALevelIsSetAndThenFiltersByIt) {
  testing::internal::CaptureStderr();
  log(LogLevel::kError, "unasked");
  set_log_level(LogLevel::kWarning);
  log(LogLevel::kInfo, "too low");
  log(LogLevel::kWarning, "100 % {} %v");  // no format string: goes out as it is
  set_log_level(LogLevel::kOff);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "orrery: warning: 100 % {} %v\n");
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(log_level_from_name("warning"), LogLevel::kWarning);
  EXPECT_THROW(log_level_from_name("loud"), Error);
}

}  // namespace
}  // namespace orrery
