#include "orrery/text/engine/transformer/feed_forward.h"

#include <algorithm>

#include "orrery/kernels/activation/activation.h"

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::MatmulOutput;

int64_t whole_strips(int64_t rows) { return (rows + kStripRows - 1) / kStripRows * kStripRows; }

kernels::Activation kernel_of(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return kernels::Activation::kSilu;
    case Activation::kGelu:
      return kernels::Activation::kGeluErf;
    case Activation::kGeluTanh:
      return kernels::Activation::kGeluTanh;
    case Activation::kReluSquared:
      break;
  }
  return kernels::Activation::kRelu2;
}

}  // namespace

MatmulOutput gated_product(const Projection& weights, Activation activation) {
  if (!weights.paired) return MatmulOutput::kStore;
  switch (activation) {
    case Activation::kSilu:
      return MatmulOutput::kSwiglu;
    case Activation::kGelu:
      return MatmulOutput::kGegluErf;
    case Activation::kGeluTanh:
      return MatmulOutput::kGegluTanh;
    case Activation::kReluSquared:
      break;
  }
  return MatmulOutput::kStore;
}

void activate(Activation activation, bool gated, const Projection& weights, float* rows, int64_t stride, int64_t count,
              int64_t size, ThreadPool& pool) {
  const kernels::Activation kernel = kernel_of(activation);
  const int64_t at_once = count <= 16 ? 1 : 4;
  const auto values = static_cast<size_t>(size), strips = static_cast<size_t>(whole_strips(size));
  pool.run((count + at_once - 1) / at_once, [&](int64_t chunk, int) {
    for (int64_t row = chunk * at_once; row < std::min(count, (chunk + 1) * at_once); ++row) {
      float* x = rows + row * stride;
      if (!gated)
        kernels::activate(kernel, {x, values}, {x, values});
      else if (weights.paired)
        kernels::activate_gated_strips(kernel, {x, 2 * strips}, {x, strips});
      else
        kernels::activate_gated(kernel, {x, values}, {x + size, values}, {x, values});
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

// Activated on the way where nothing is to be added before.
MatmulOutput FeedForward::product_of(int64_t layer) const {
  if (!spec_.gated_mlp || runtime_.adaptation.touches(layer, Site::kGateUp)) return MatmulOutput::kStore;
  return gated_product(weights_[layer].in, spec_.activation);
}

Product FeedForward::input(int64_t layer, const ProjectionInput& x) {
  return {x, &weights_[layer].in, memory_.as<float>(), stride_, product_of(layer)};
}

void FeedForward::activate(int64_t layer, int64_t rows) {
  if (kernels::is_gated(product_of(layer))) return;
  text::activate(spec_.activation, spec_.gated_mlp, weights_[layer].in, memory_.as<float>(), stride_, rows,
                 spec_.intermediate_size, runtime_.pool);
}

Product FeedForward::output(int64_t layer, int64_t rows, float* out) const {
  const bool squared = spec_.activation == Activation::kReluSquared && !spec_.gated_mlp;
  return {
      {.x = memory_.as<float>(), .stride = stride_, .count = rows, .cols = spec_.intermediate_size, .squared = squared},
      &weights_[layer].down,
      out,
      spec_.hidden_size,
      MatmulOutput::kAdd};
}

}  // namespace orrery::text
