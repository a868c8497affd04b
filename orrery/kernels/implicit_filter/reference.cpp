#include <algorithm>
#include <cmath>

#include "orrery/kernels/implicit_filter/implicit_filter.h"

namespace orrery::kernels {

// In double: each layer multiplies the error of the one before by freq, which is 10 or more.
void filter_features(const ImplicitFilter& filter, int64_t first, int64_t last, float* features) {
  std::vector<std::vector<double>> columns;  // [inputs, width] of each layer
  for (const ImplicitFilter::Layer& layer : filter.layers) {
    std::vector<double>& w = columns.emplace_back(layer.inputs * filter.width);
    for (int64_t i = 0; i < filter.width; ++i)
      for (int64_t j = 0; j < layer.inputs; ++j) w[j * filter.width + i] = layer.weight[i * layer.inputs + j];
  }
  std::vector<double> h, sums(filter.width);
  for (int64_t t = first; t < last; ++t, features += filter.width) {
    const float* z = filter.z + t * filter.layers.front().inputs;
    h.assign(z, z + filter.layers.front().inputs);
    for (size_t l = 0; l < filter.layers.size(); ++l) {
      sums.assign(filter.layers[l].bias, filter.layers[l].bias + filter.width);
      for (size_t j = 0; j < h.size(); ++j)
        for (int64_t i = 0; i < filter.width; ++i) sums[i] += columns[l][j * filter.width + i] * h[j];
      h.resize(filter.width);
      for (int64_t i = 0; i < filter.width; ++i) h[i] = std::sin(filter.freq[i] * sums[i]);
    }
    for (int64_t i = 0; i < filter.width; ++i) features[i] = static_cast<float>(h[i]);
  }
}

void filter_taps_reference(const ImplicitFilter& filter, int64_t first, int64_t last, const float* features,
                           int64_t first_channel, int64_t channel_step, int64_t count, float* taps) {
  for (int64_t t = first; t < last; ++t) {
    for (int64_t lane = 0; lane < count; ++lane) {
      const int64_t c = first_channel + lane * channel_step;
      double sum = 0;
      for (int64_t k = 0; k < filter.width; ++k)
        sum += static_cast<double>(filter.out[c * filter.width + k]) * features[(t - first) * filter.width + k];
      if (filter.modulate) sum *= std::exp(-filter.t[t] * std::fabs(filter.deltas[c])) + filter.shift;
      taps[(t - first) * 16 + lane] = static_cast<float>(sum);
    }
  }
}

}  // namespace orrery::kernels
