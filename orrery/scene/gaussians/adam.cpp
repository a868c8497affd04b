#include "orrery/scene/gaussians/adam.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "orrery/kernels/sparse_adam/sparse_adam.h"
#include "orrery/train/pieces.h"

namespace orrery::scene {

void GaussianAdam::update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) {
  const int64_t rows = parameter.size(0);
  kernels::sparse_adam({.learning_rate = step.learning_rate * rates_.of_step(step.number),
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .eps = 1e-15,
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

double position_rate(double init, double final, int64_t max_steps, double extent, int64_t step) {
  const double t = std::clamp(static_cast<double>(step) / static_cast<double>(max_steps), 0.0, 1.0);
  return extent * std::exp(std::log(init) * (1 - t) + std::log(final) * t);
}

}  // namespace orrery::scene
