#include "orrery/text/engine/transformer/feed_forward.h"

#include <algorithm>
#include <cmath>

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::MatmulOutput;

int64_t whole_strips(int64_t rows) { return (rows + kStripRows - 1) / kStripRows * kStripRows; }

// Hendrycks & Gimpel 2016 for the GELUs; So et al. 2021 for the squared ReLU.
float act(Activation activation, float x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      return 0.5f * x * (1 + std::erf(x * static_cast<float>(M_SQRT1_2)));
    case Activation::kGeluTanh:
      return 0.5f * x * (1 + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
    case Activation::kReluSquared:
      return x > 0 ? x * x : 0;
  }
  return 0;
}

}  // namespace

void activate(Activation activation, bool gated, const Projection& weights, float* rows, int64_t stride, int64_t count,
              int64_t size, ThreadPool& pool) {
  const int64_t at_once = count <= 16 ? 1 : 4;
  pool.run((count + at_once - 1) / at_once, [&](int64_t chunk, int) {
    for (int64_t row = chunk * at_once; row < std::min(count, (chunk + 1) * at_once); ++row) {
      float* x = rows + row * stride;
      for (int64_t i = 0; i < size; ++i) {
        if (!gated) {
          x[i] = act(activation, x[i]);
        } else if (weights.paired) {
          const float* pair = x + i / kStripRows * 2 * kStripRows + i % kStripRows;
          x[i] = act(activation, pair[0]) * pair[kStripRows];
        } else {
          x[i] = act(activation, x[i]) * x[i + size];
        }
      }
    }
  });
}

FeedForward::FeedForward(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec),
      runtime_(runtime),
      stride_(std::max((spec.gated_mlp ? 2 : 1) * whole_strips(spec.intermediate_size), spec.hidden_size)),
      weights_(spec.layers),
      memory_(runtime.max_tokens * stride_ * sizeof(float)) {}

void FeedForward::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  if (spec_.gated_mlp)
    loader.add_gated(weights.in, prefix + "gate_proj", prefix + "up_proj");
  else
    loader.add(weights.in, prefix + "up_proj");
  loader.add(weights.down, prefix + "down_proj");
}

bool FeedForward::fused(const Weights& weights) const {
  return weights.in.paired && spec_.activation == Activation::kSilu;
}

Product FeedForward::input(int64_t layer, const ProjectionInput& x) {
  const Weights& weights = weights_[layer];
  return {x, &weights.in, memory_.as<float>(), stride_, fused(weights) ? MatmulOutput::kSwiglu : MatmulOutput::kStore};
}

void FeedForward::activate(int64_t layer, int64_t rows) {
  const Weights& weights = weights_[layer];
  if (fused(weights)) return;
  text::activate(spec_.activation, spec_.gated_mlp, weights.in, memory_.as<float>(), stride_, rows,
                 spec_.intermediate_size, runtime_.pool);
}

Product FeedForward::output(int64_t layer, int64_t rows, float* out) const {
  return {{memory_.as<float>(), stride_, rows, spec_.intermediate_size},
          &weights_[layer].down,
          out,
          spec_.hidden_size,
          MatmulOutput::kAdd};
}

}  // namespace orrery::text
