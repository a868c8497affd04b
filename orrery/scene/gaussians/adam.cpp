#include "orrery/scene/gaussians/adam.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/sparse_adam/sparse_adam.h"
#include "orrery/train/pieces.h"

namespace orrery::scene {

namespace {
constexpr double kEps = 1e-15;       // gradients are so small that the usual 1e-8 would stop them
constexpr int64_t kBlock = 1 << 14;  // rows of a gradient that is made while it is used
}  // namespace

at::Tensor GaussianAdam::own_gradient(int64_t first, int64_t count) {
  const int64_t columns = column_.value.stride(0), row = first / columns, end = (first + count + columns - 1) / columns;
  made_.resize(static_cast<size_t>((end - row) * columns));
  make_rows_(row, made_);
  return at::from_blob(made_.data() + (first - row * columns), {count});
}

void GaussianAdam::update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) {
  if (!has_own_gradient()) return update_rows(step, 0, gradient);
  const int64_t rows = parameter.size(0), columns = parameter.stride(0);
  for (int64_t first = 0; first < rows; first += kBlock)
    update_rows(step, first, own_gradient(first * columns, std::min(kBlock, rows - first) * columns));
}

/// Those that the gradient is of.
void GaussianAdam::update_rows(const train::UpdateStep& step, int64_t first, const at::Tensor& gradient) {
  const int64_t columns = column_.value.stride(0), count = gradient.numel();
  const auto rows_of = [&](const at::Tensor& all) { return train::span_of<float>(all, first * columns, count); };
  const std::span<const uint8_t> takes_part = takes_part_;
  kernels::sparse_adam({.learning_rate = step.learning_rate * rates_.of_step(step.number),
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = kEps,
                        .weight_decay = 0,
                        .gradient_scale = step.gradient_scale,
                        .step = step.number},
                       {.parameters = rows_of(column_.value),
                        .gradients = train::span_of<float>(gradient),
                        .m = rows_of(column_.m),
                        .v = rows_of(column_.v),
                        .columns = columns,
                        .rates = rates_.of_columns},
                       takes_part.empty()
                           ? takes_part
                           : takes_part.subspan(static_cast<size_t>(first), static_cast<size_t>(count / columns)),
                       pool_);
}

void PhotoAdam::update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) {
  const int64_t photos = parameter.size(0);
  const auto row_of = [&](const at::Tensor& tensor) {
    const std::span<float> all = train::span_of<float>(tensor);
    const size_t columns = all.size() / static_cast<size_t>(photos);
    return all.subspan(photo_ * columns, columns);
  };
  kernels::adamw({.learning_rate = step.learning_rate * rate_of_step_(step.number),
                  .eps = kEps,
                  .gradient_scale = step.gradient_scale,
                  .step = (step.number - 1) / photos + 1},
                 row_of(parameter), row_of(gradient), row_of(column_.m), row_of(column_.v));
}

double falling_rate(double init, double final, int64_t max_steps, int64_t step) {
  const double t = std::clamp(static_cast<double>(step) / static_cast<double>(max_steps), 0.0, 1.0);
  return std::exp(std::log(init) * (1 - t) + std::log(final) * t);
}

}  // namespace orrery::scene
