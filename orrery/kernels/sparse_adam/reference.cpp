#include <cmath>

#include "orrery/kernels/sparse_adam/sparse_adam.h"

namespace orrery::kernels {

void sparse_adam_reference(const AdamWStep& step, const AdamTable& table, std::span<const uint8_t> takes_part) {
  const auto t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
  for (size_t i = 0; i < table.parameters.size(); ++i) {
    if (!takes_part.empty() && !takes_part[i / table.columns]) continue;
    const double rate = step.learning_rate * (table.rates.empty() ? 1 : table.rates[i % table.columns]);
    const double g = step.gradient_scale * table.gradients[i];
    table.m[i] = static_cast<float>(step.beta1 * table.m[i] + (1 - step.beta1) * g);
    table.v[i] = static_cast<float>(step.beta2 * table.v[i] + (1 - step.beta2) * g * g);
    const double change = table.m[i] / (std::sqrt(table.v[i] / correction2) + step.eps);
    table.parameters[i] = static_cast<float>((1 - step.learning_rate * step.weight_decay) * table.parameters[i] -
                                             rate / correction1 * change);
  }
}

}  // namespace orrery::kernels
