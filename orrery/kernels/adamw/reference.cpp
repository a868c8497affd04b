#include <cmath>

#include "orrery/kernels/adamw/adamw.h"

namespace orrery::kernels {

void adamw_reference(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                     std::span<float> m, std::span<float> v) {
  const auto t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double g = step.gradient_scale * gradients[i];
    m[i] = static_cast<float>(step.beta1 * m[i] + (1 - step.beta1) * g);
    v[i] = static_cast<float>(step.beta2 * v[i] + (1 - step.beta2) * g * g);
    parameters[i] =
        static_cast<float>((1 - step.learning_rate * step.weight_decay) * parameters[i] -
                           step.learning_rate / correction1 * m[i] / (std::sqrt(v[i] / correction2) + step.eps));
  }
}

}  // namespace orrery::kernels
