#include "orrery/base/error.h"

#include <gtest/gtest.h>

namespace orrery {

TEST(Error, MessageNamesTaskPlaceFoundExpectedAdvice) {
  EXPECT_STREQ(
      Error({.doing = "read a file", .where = "a.gguf", .found = "3", .expected = "4", .advice = "try b"}).what(),
      "cannot read a file: a.gguf: found 3, expected 4; try b");
  EXPECT_STREQ(Error({.doing = "read a file", .where = "a.gguf", .expected = "4"}).what(),
               "cannot read a file: a.gguf: expected 4");
  EXPECT_STREQ(Error({.doing = "think"}).what(), "cannot think");
}

}  // namespace orrery
