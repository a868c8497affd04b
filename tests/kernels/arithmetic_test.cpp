#include "orrery/kernels/arithmetic/arithmetic.h"

#include <gtest/gtest.h>

#include "orrery/kernels/arithmetic/multiply_add.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

// Wider vectors hold the same numbers; fused products differ from the reference's by roundings.
TEST(Arithmetic, EveryLoopComputesTheSame) {
  const float expected = multiply_add_reference().run(1000);
  EXPECT_GT(expected, 12);  // all twelve go towards 1 from above
  EXPECT_LT(expected, 2 + 13 * 12 / 2);
#if defined(__x86_64__)
  if (isa() >= Isa::kAvx2) {
    EXPECT_NEAR(multiply_add_avx2().run(1000), expected, 1e-3);
  }
  if (isa() >= Isa::kAvx512) {
    EXPECT_NEAR(multiply_add_avx512().run(1000), expected, 1e-3);
  }
#elif defined(__aarch64__)
  if (isa() == Isa::kNeon) {
    EXPECT_NEAR(multiply_add_neon().run(1000), expected, 1e-3);
  }
#endif
}

TEST(Arithmetic, IsANumberThatAMachineCanHave) {
  ThreadPool pool(2);
  const double rate = arithmetic_rate(pool, 2);
  EXPECT_GT(rate, 1e7);
  EXPECT_LT(rate, 1e15);
}

}  // namespace
}  // namespace orrery::kernels
