// Inputs for the kernels' tests.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace orrery::kernels {

/// `size` draws of a standard normal.
inline std::vector<float> random_values(size_t size, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace orrery::kernels
