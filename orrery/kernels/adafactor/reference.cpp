#include <vector>

#include "orrery/kernels/adafactor/shared.h"

namespace orrery::kernels {

namespace {

double sum_of_squares(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

/// p = (1 - lr·λ) p - lr·u, u clipped.
void apply(const AdafactorStep& step, std::span<float> parameters, std::span<const double> u) {
  double squares = 0;
  for (const double value : u) squares += value * value;
  const double rate = scaled_rate(step, sum_of_squares(parameters), parameters.size());
  const double divisor = clip_divisor(step, squares, u.size());
  for (size_t i = 0; i < parameters.size(); ++i)
    parameters[i] = static_cast<float>((1 - rate * step.weight_decay) * parameters[i] - rate * u[i] / divisor);
}

}  // namespace

void adafactor_reference(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
                         std::span<float> row, std::span<float> column) {
  const double beta = second_moment_decay(step);
  const size_t rows = row.size(), columns = column.size();
  std::vector<double> row_sums(rows), column_sums(columns), u(parameters.size());
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      const double g = step.gradient_scale * gradients[i * columns + j];
      row_sums[i] += g * g + kAdafactorEps;
      column_sums[j] += g * g + kAdafactorEps;
    }
  double mean = 0;
  for (size_t i = 0; i < rows; ++i) {
    row[i] = static_cast<float>(beta * row[i] + (1 - beta) * row_sums[i] / static_cast<double>(columns));
    mean += row[i] / static_cast<double>(rows);
  }
  for (size_t j = 0; j < columns; ++j)
    column[j] = static_cast<float>(beta * column[j] + (1 - beta) * column_sums[j] / static_cast<double>(rows));
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j)
      u[i * columns + j] = step.gradient_scale * gradients[i * columns + j] / std::sqrt(row[i] / mean * column[j]);
  apply(step, parameters, u);
}

void adafactor_vector(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
                      std::span<float> v) {
  const double beta = second_moment_decay(step);
  std::vector<double> u(parameters.size());
  for (size_t i = 0; i < u.size(); ++i) {
    const double g = step.gradient_scale * gradients[i];
    v[i] = static_cast<float>(beta * v[i] + (1 - beta) * (g * g + kAdafactorEps));
    u[i] = g / std::sqrt(static_cast<double>(v[i]));
  }
  apply(step, parameters, u);
}

}  // namespace orrery::kernels
