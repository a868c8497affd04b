// How requests are refused, for the tests that name what is wrong.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "orrery/serve/refusal.h"

namespace orrery::serve {

/// "status param" of the Refusal that `action` throws; "none" where nothing is.
inline std::string refusal_of(const std::function<void()>& action) {
  try {
    action();
    return "none";
  } catch (const Refusal& refusal) {
    return std::to_string(refusal.status) + " " + refusal.param;
  }
}

/// Its "param" alone, where the status is 400 and the message names the same place.
inline std::string refused_field(const std::function<void()>& action) {
  try {
    action();
    return "none";
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.status, 400);
    EXPECT_EQ(refusal.param, refusal.parts().where);
    return refusal.param;
  }
}

}  // namespace orrery::serve
