#include "orrery/text/engine/transformer/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "orrery/text/engine/transformer/feed_forward.h"

namespace orrery::text {
namespace {

using kernels::kStripRows;

}  // namespace

Mixture::Mixture(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec),
      runtime_(runtime),
      stride_(2 * ((spec.intermediate_size + kStripRows - 1) / kStripRows * kStripRows)),
      layers_(spec.layers),
      starts_(spec.mixture.experts + 1) {
  const int64_t choices = runtime.max_tokens * spec.mixture.active;
  scores_ = Buffer(runtime.max_tokens * spec.mixture.experts * sizeof(float));
  inner_ = Buffer(choices * stride_ * sizeof(float));
  outer_ = Buffer(choices * spec.hidden_size * sizeof(float));
}

void Mixture::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Layer& weights = layers_[layer];
  loader.add(weights.router, prefix + "router");
  weights.experts.resize(spec_.mixture.experts);
  for (size_t e = 0; e < weights.experts.size(); ++e) {
    const std::string expert = fmt::format("{}experts.{}.", prefix, e);
    loader.add_gated(weights.experts[e].gate_up, expert + "gate_proj", expert + "up_proj");
    loader.add(weights.experts[e].down, expert + "down_proj");
  }
}

// Each row's `active` highest scores (the lower expert first where they tie), their softmax, and the rows grouped by
// expert.
void Mixture::route(int64_t rows) {
  const int64_t experts = spec_.mixture.experts, active = spec_.mixture.active;
  thread_local std::vector<int32_t> order;
  thread_local std::vector<int32_t> chosen;
  order.resize(experts);
  chosen.resize(rows * active);
  shares_.resize(rows * active);
  std::ranges::fill(starts_, 0);
  for (int64_t row = 0; row < rows; ++row) {
    const float* scores = scores_.as<float>() + row * experts;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + active, order.end(), [scores](int32_t a, int32_t b) {
      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
    });
    float sum = 0;
    for (int64_t k = 0; k < active; ++k) {
      chosen[row * active + k] = order[k];
      ++starts_[order[k] + 1];
      sum += shares_[row * active + k] = std::exp(scores[order[k]] - scores[order[0]]);
    }
    for (int64_t k = 0; k < active; ++k) shares_[row * active + k] /= sum;
  }
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  thread_local std::vector<int64_t> next;
  next.assign(starts_.begin(), starts_.end() - 1);
  rows_.resize(rows * active);
  entries_.resize(rows * active);
  for (int64_t i = 0; i < rows * active; ++i) {
    entries_[i] = next[chosen[i]]++;
    rows_[entries_[i]] = static_cast<int32_t>(i / active);
  }
}

void Mixture::run(int64_t layer, const ProjectionInput& x, float* hidden) {
  const Layer& weights = layers_[layer];
  const int64_t experts = spec_.mixture.experts, active = spec_.mixture.active, size = spec_.hidden_size;
  runtime_.projector.run({x, &weights.router, scores_.as<float>(), experts}, Profile::kNorm, Profile::kRoute);
  route(x.count);

  const auto rows_of = [&](int64_t e) { return starts_[e + 1] - starts_[e]; };
  const auto inner_of = [&](int64_t e) { return inner_.as<float>() + starts_[e] * stride_; };
  products_.clear();
  for (int64_t e = 0; e < experts; ++e) {
    const Expert& expert = weights.experts[e];
    if (rows_of(e) == 0) continue;
    products_.push_back({{x.x, x.stride, rows_of(e), x.cols, x.norm, rows_.data() + starts_[e]},
                         &expert.gate_up,
                         inner_of(e),
                         stride_,
                         gated_product(expert.gate_up, spec_.activation)});
  }
  runtime_.projector.run(products_, Profile::kNorm, Profile::kGateUp);
  products_.clear();
  for (int64_t e = 0; e < experts; ++e) {
    const Expert& expert = weights.experts[e];
    if (rows_of(e) == 0) continue;
    if (!kernels::is_gated(gated_product(expert.gate_up, spec_.activation)))
      activate(spec_.activation, true, expert.gate_up, inner_of(e), stride_, rows_of(e), spec_.intermediate_size,
               runtime_.pool);
    products_.push_back({{inner_of(e), stride_, rows_of(e), spec_.intermediate_size},
                         &expert.down,
                         outer_.as<float>() + starts_[e] * size,
                         size});
  }
  runtime_.projector.run(products_, Profile::kPackMlp, Profile::kDown);

  runtime_.pool.run((x.count + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(x.count, chunk * 16 + 16); ++row) {
      float* to = hidden + row * size;
      for (int64_t i = row * active; i < (row + 1) * active; ++i) {
        const float share = shares_[i], *from = outer_.as<float>() + entries_[i] * size;
        for (int64_t c = 0; c < size; ++c) to[c] += share * from[c];
      }
    }
  });
}

}  // namespace orrery::text
