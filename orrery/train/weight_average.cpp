#include "orrery/train/weight_average.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "orrery/train/pieces.h"

namespace orrery::train {

WeightAverage::WeightAverage(const NamedTensors& weights, double decay) : weights_(weights), decay_(decay) {
  for (const auto& [name, tensor] : weights_) averages_[name] = tensor.detach().clone();
}

void WeightAverage::update(int64_t step) {
  const auto t = static_cast<double>(step);
  const auto rest = static_cast<float>(1 - std::min(decay_, (1 + t) / (10 + t)));
  for (const auto& [name, average] : averages_)
    for_pieces(average.numel(), [&, &weights = weights_.at(name), &averages = average](int64_t first, int64_t count) {
      const auto a = span_of<float>(averages, first, count), w = span_of<float>(weights, first, count);
      for (size_t i = 0; i < a.size(); ++i) a[i] += rest * (w[i] - a[i]);
    });
}

void WeightAverage::swap() {
  for (const auto& [name, average] : averages_)
    std::ranges::swap_ranges(span_of<float>(average), span_of<float>(weights_.at(name)));
}

}  // namespace orrery::train
