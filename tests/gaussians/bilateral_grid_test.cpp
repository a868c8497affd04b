// Bilateral grids that are learned beside Gaussians.
#include "orrery/scene/gaussians/bilateral_grid.h"

#include <gtest/gtest.h>

#include "tests/gaussians/psnr_of_truth.h"
#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

constexpr int kWide = 37, kHigh = 21;  // no multiples of the grid's cells
constexpr size_t kValues = 3 * kWide * kHigh;

std::vector<float> of_tensor(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kFloat).contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

at::Tensor identity_grid() { return at::eye(3, 4).repeat({kGridRows, kGridColumns, kGridLevels, 1, 1}); }

BilateralGrid as_grid(const std::vector<float>& values) { return std::span(values).first<kGridSize>(); }

/// As the authors' code slices, by the library that it uses: grid [rows, columns, levels, 3, 4], image [height, width,
/// 3].
at::Tensor sliced_by_torch(const at::Tensor& grid, const at::Tensor& image) {
  const auto centres = [&](int64_t size) {
    return ((at::arange(size, at::kDouble) + 0.5) / static_cast<double>(size) - 0.5) * 2;
  };
  const at::Tensor luma = at::tensor({0.299, 0.587, 0.114}, at::kDouble);
  const at::Tensor places = at::stack({centres(kWide).expand({kHigh, kWide}),
                                       centres(kHigh).unsqueeze(1).expand({kHigh, kWide}), image.matmul(luma) * 2 - 1},
                                      2);
  const at::Tensor transforms =
      at::grid_sampler_3d(grid.permute({3, 4, 2, 0, 1}).reshape({1, 12, kGridLevels, kGridRows, kGridColumns}),
                          places.view({1, 1, kHigh, kWide, 3}), /*bilinear*/ 0, /*border*/ 1, /*align_corners=*/true)
          .view({3, 4, kHigh, kWide})
          .permute({2, 3, 0, 1});
  return (transforms.narrow(3, 0, 3).matmul(image.unsqueeze(3)).squeeze(3)) + transforms.select(3, 3);
}

TEST(BilateralGrid, TheIdentityChangesNoBit) {
  ThreadPool pool(2);
  at::manual_seed(1);
  const std::vector<float> image = of_tensor(at::rand({kValues}) * 1.4 - 0.2), grid = of_tensor(identity_grid());
  std::vector<float> sliced(kValues), gradient = image;
  slice_grid(as_grid(grid), kWide, kHigh, image, sliced, pool);
  EXPECT_EQ(sliced, image);
  slice_grid_backward(as_grid(grid), kWide, kHigh, image, gradient, pool);
  EXPECT_EQ(gradient, image);
}

// Colours below 0 and above 1 too, where the level stays and the transform does not.
TEST(BilateralGrid, SlicesAndReturnsGradientsAsTheAuthorsCode) {
  at::manual_seed(2);
  const at::Tensor grid = (identity_grid() + 0.3 * at::randn({kGridRows, kGridColumns, kGridLevels, 3, 4}))
                              .to(at::kDouble)
                              .set_requires_grad(true),
                   image = (at::rand({kHigh, kWide, 3}) * 1.6 - 0.3).to(at::kDouble).set_requires_grad(true),
                   weights = at::randn({kHigh, kWide, 3});
  const at::Tensor expected = sliced_by_torch(grid, image);
  expected.backward(weights.to(at::kDouble));
  const std::vector<float> values = of_tensor(grid.detach()), of_image = of_tensor(image.detach());
  ThreadPool one(1), three(3);
  std::vector<float> sliced(kValues), d_image = of_tensor(weights), d_image_of_three = d_image;
  slice_grid(as_grid(values), kWide, kHigh, of_image, sliced, three);
  const std::vector<double> d_grid = slice_grid_backward(as_grid(values), kWide, kHigh, of_image, d_image, one);
  EXPECT_EQ(slice_grid_backward(as_grid(values), kWide, kHigh, of_image, d_image_of_three, three), d_grid);
  EXPECT_EQ(d_image_of_three, d_image);
  const auto apart = [](const at::Tensor& ours, const at::Tensor& theirs) {
    return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
  };
  constexpr double kRounding = 3e-6;  // of places, float32 in units of cells up to 15
  EXPECT_LT(apart(at::tensor(sliced).view({kHigh, kWide, 3}), expected.detach()), kRounding);
  EXPECT_LT(apart(at::tensor(d_grid).view(grid.sizes()), grid.grad()), kRounding);
  EXPECT_LT(apart(at::tensor(d_image).view({kHigh, kWide, 3}), image.grad()),
            1e-5);  // the level's share is a difference
}

TEST(BilateralGrid, VariationIsTheMeanSquareAlongEachAxis) {
  at::manual_seed(3);
  const at::Tensor grid =
      at::randn({kGridRows, kGridColumns, kGridLevels, 3, 4}).to(at::kDouble).set_requires_grad(true);
  at::Tensor expected = at::zeros({}, at::kDouble);
  for (int64_t axis = 0; axis < 3; ++axis) expected = expected + 10 * grid.diff(1, axis).square().mean();
  expected.backward();
  std::vector<double> d_grid(kGridSize, 0.5);
  EXPECT_NEAR(grid_variation(as_grid(of_tensor(grid.detach())), 10, d_grid), expected.item<double>(), 1e-5);
  EXPECT_LT((at::tensor(d_grid).view(grid.sizes()) - 0.5 - grid.grad()).abs().max().item<double>(), 1e-8);
  std::vector<double> none(kGridSize);
  EXPECT_EQ(grid_variation(as_grid(of_tensor(identity_grid())), 10, none), 0);
}

TEST(BilateralGrid, TheLossHasTheGradientOfDifferences) {
  ThreadPool pool(2);
  Turntable photos(4, 0, pool);
  photos.shade_by(0.5);
  GaussianTable table = random_table(25, 4);
  GaussianTask task(table, photos, nullptr, 4, {.bilateral_grid = true}, pool);
  const at::Tensor grids = task.parameters().at("grids");
  at::manual_seed(4);
  const at::Tensor off = 0.1 * at::randn(grids.sizes());
  {
    const at::NoGradGuard without_gradients;
    grids.add_(off);
  }
  train::Metrics sums;
  task.loss_sum(0, 0, sums).backward();
  const at::Tensor gradient = grids.grad().view({4, -1});
  const at::Tensor rows = gradient.abs().sum(1).nonzero();
  ASSERT_EQ(rows.numel(), 1) << "one photo's row learns";
  const auto row = rows.item<int64_t>();
  const at::NoGradGuard without_gradients;
  const at::Tensor direction = gradient[row] / gradient[row].norm(), numbers = grids.view({4, -1})[row];
  const auto value = [&](double step) {
    numbers.add_(direction, step);
    const double loss = task.loss_sum(0, 0, sums).item<double>();
    numbers.sub_(direction, step);
    return loss;
  };
  constexpr double kStep = 1. / 64;  // of the length of all numbers together
  const double difference = (value(kStep) - value(-kStep)) / (2 * kStep),
               expected = gradient[row].norm().item<double>();
  EXPECT_NEAR(difference, expected, 0.002 * expected);
}

// Of a scene whose detail is finer than the grid's cells: what is as large as they are, a grid takes for its own.
TEST(BilateralGrid, ShadesOfPhotosAreNotTheScenes) {
  constexpr int kDetail = 3;
  const auto differ = [](Turntable& photos) { photos.shade_by(0.3); };
  const double without = psnr_of_truth(differ, {}, kDetail),
               exposed = psnr_of_truth(differ, {.exposure = true}, kDetail),
               with = psnr_of_truth(differ, {.bilateral_grid = true}, kDetail);
  EXPECT_GT(with, without + 3);
  EXPECT_GT(with, exposed + 1);
}

}  // namespace
}  // namespace orrery::scene
