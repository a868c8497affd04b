// The normalisation of a spec, with its weights.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// RMSNorm (Zhang & Sennrich 2019), or LayerNorm (Ba et al. 2016) with a bias where there is one.
struct Norm {
  NormKind kind = NormKind::kRms;
  float eps = 1e-5f;
  std::vector<float> weight, bias;

  /// y = norm(x), both as long as the weight; y may be x.
  void operator()(std::span<const float> x, std::span<float> y) const;
  /// Each of `heads` runs of weight.size() values, in place.
  void heads(float* x, int64_t heads) const;
};

}  // namespace orrery::text
