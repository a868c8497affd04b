#include "orrery/nn/half_linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace orrery::nn {
namespace {

at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); }

/// Equal but for one rounding of the result.
void expect_rounded(const at::Tensor& ours, const at::Tensor& expected, const char* what) {
  EXPECT_EQ(ours.scalar_type(), at::kFloat) << what;
  EXPECT_LT(((ours - expected).abs() - expected.abs() / 128).max().item<float>(), 1e-3) << what;
}

/// Whether x is kept as it is.
class HalfLinear : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Keeps, HalfLinear, testing::Bool());

TEST_P(HalfLinear, ProductsOfRoundedNumbers) {
  at::manual_seed(1);
  const at::Tensor x = at::randn({9, 70}).set_requires_grad(true), w = at::randn({33, 70}).set_requires_grad(true),
                   d_y = at::randn({9, 33});
  const at::Tensor y = half_linear(x, w, GetParam());
  expect_rounded(y, at::linear(rounded(x.detach()), rounded(w.detach())), "y");
  y.backward(d_y);
  expect_rounded(x.grad(), at::matmul(rounded(d_y), rounded(w.detach())), "d_x");
  expect_rounded(w.grad(), at::matmul(rounded(d_y).t(), rounded(x.detach())), "d_w");
}

}  // namespace
}  // namespace orrery::nn
