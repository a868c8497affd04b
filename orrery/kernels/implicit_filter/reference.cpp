#include <algorithm>
#include <cmath>

#include "orrery/kernels/implicit_filter/implicit_filter.h"

namespace orrery::kernels {

// Of a filter's work filter_taps is nearly all: as many channels as the model has, against `width`.
void filter_features(const ImplicitFilter& filter, int64_t first, int64_t last, float* features) {
  std::vector<float> h, next(filter.width);
  for (int64_t t = first; t < last; ++t, features += filter.width) {
    const float* z = filter.z + t * filter.layers.front().inputs;
    h.assign(z, z + filter.layers.front().inputs);
    for (const ImplicitFilter::Layer& layer : filter.layers) {
      for (int64_t i = 0; i < filter.width; ++i) {
        float sum = layer.bias[i];
        for (int64_t j = 0; j < layer.inputs; ++j) sum += layer.weight[i * layer.inputs + j] * h[j];
        next[i] = std::sin(filter.freq[i] * sum);
      }
      h.assign(next.begin(), next.end());
    }
    std::copy(h.begin(), h.end(), features);
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
