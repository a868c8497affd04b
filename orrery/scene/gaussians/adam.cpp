#include "orrery/scene/gaussians/adam.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/sparse_adam/sparse_adam.h"
#include "orrery/train/pieces.h"

namespace orrery::scene {

namespace {
constexpr double kEps = 1e-15;  // gradients are so small that the usual 1e-8 would stop them
}

void GaussianAdam::update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) {
  const int64_t rows = parameter.size(0);
  kernels::sparse_adam({.learning_rate = step.learning_rate * rates_.of_step(step.number),
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = kEps,
                        .weight_decay = 0,
                        .gradient_scale = step.gradient_scale,
                        .step = step.number},
                       {.parameters = train::span_of<float>(parameter),
                        .gradients = train::span_of<float>(gradient),
                        .m = train::span_of<float>(column_.m),
                        .v = train::span_of<float>(column_.v),
                        .columns = rows == 0 ? 1 : parameter.numel() / rows,
                        .rates = rates_.of_columns},
                       takes_part_, pool_);
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
