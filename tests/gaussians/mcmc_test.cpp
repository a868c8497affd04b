#include "orrery/scene/gaussians/mcmc.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace orrery::scene {
namespace {

GaussianTable table_of(int64_t count, double opacity) {
  const at::Tensor i = at::arange(count, at::kFloat);
  return GaussianTable({{"means", at::stack({i, i * 0, i * 0}, 1)},
                        {"log_scales", at::full({count, 3}, -1.)},
                        {"quats", at::ones({count, 4})},
                        {"opacity_logits", at::full({count}, std::log(opacity / (1 - opacity)))},
                        {"sh", at::zeros({count, 1, 3})}});
}

// Along a ray through the centres, n Gaussians that share a place let as much light through as the one did; and with
// their scales, the integral of what they hide along a line across the centre is the same (Kheradmand et al., eq. 9).
TEST(Mcmc, ThoseThatShareAPlaceHideWhatTheOneDid) {
  for (const double opacity : {0.1, 0.5, 0.9})
    for (const int n : {1, 2, 3, 7}) {
      const Relocated after = relocated(opacity, n);
      EXPECT_NEAR(std::pow(1 - after.opacity, n), 1 - opacity, 1e-9);
      double one = 0, shared = 0;
      for (double x = -30; x < 30; x += 1e-3) {
        one += opacity * std::exp(-x * x / 2);
        shared += 1 - std::pow(1 - after.opacity * std::exp(-x * x / (2 * after.scale_factor * after.scale_factor)), n);
      }
      EXPECT_NEAR(shared / one, 1, 1e-6) << opacity << ' ' << n;
    }
}

TEST(Mcmc, TheDeadMoveAndTheTableGrowsToItsBound) {
  GaussianTable table = table_of(100, 0.5);
  {
    const at::NoGradGuard without_gradients;
    table["opacity_logits"].value.narrow(0, 90, 10).fill_(-9.f);
    table["means"].m.fill_(1);
  }
  const DensityOptions density{.max_gaussians = 103};
  const McmcChange change = relocate_and_add(table, density, {}, RandomStream(1, "places"));
  EXPECT_EQ(change.relocated, 10);
  EXPECT_EQ(change.added, 3);
  EXPECT_EQ(table.size(), 103);
  EXPECT_GT(table["opacity_logits"].value.min().item<float>(), -5);
  const at::Tensor moved = table["means"].value.select(1, 0).narrow(0, 90, 13);
  EXPECT_LT(moved.max().item<float>(), 90);  // onto those that live
  EXPECT_EQ(table["means"].m.narrow(0, 90, 13).abs().max().item<float>(), 0);
  for (const auto& [name, column] : table.columns()) EXPECT_EQ(column.m.size(0), 103) << name;
}

TEST(Mcmc, OnlyWhatIsFaintShivers) {
  GaussianTable table = table_of(2000, 0.5);
  {
    const at::NoGradGuard without_gradients;
    table["opacity_logits"].value.narrow(0, 0, 1000).fill_(-6.f);  // 0.0025
    table["means"].value.zero_();
  }
  add_noise(table, {}, 1e-6, RandomStream(1, "noise"));
  const at::Tensor means = table["means"].value.detach();
  // Σ = e^-2·I, so that a mean goes e^-2·0.5·σ(100·0.0025) far.
  const double expected = std::exp(-2) * 0.5 / (1 + std::exp(-0.25 + 0.0));
  EXPECT_NEAR(means.narrow(0, 0, 1000).std().item<double>(), expected, 0.05 * expected);
  EXPECT_LT(means.narrow(0, 1000, 1000).abs().max().item<float>(), 1e-12);
}

}  // namespace
}  // namespace orrery::scene
