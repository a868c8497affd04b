#include "orrery/kernels/lion/lion.h"

namespace orrery::kernels {

void lion_reference(const LionStep& step, std::span<float> parameters, std::span<const float> gradients,
                    std::span<float> m) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double g = step.gradient_scale * gradients[i];
    const double direction = step.beta1 * m[i] + (1 - step.beta1) * g;
    const double sign = direction > 0 ? 1 : direction < 0 ? -1 : 0;
    parameters[i] =
        static_cast<float>((1 - step.learning_rate * step.weight_decay) * parameters[i] - step.learning_rate * sign);
    m[i] = static_cast<float>(step.beta2 * m[i] + (1 - step.beta2) * g);
  }
}

}  // namespace orrery::kernels
