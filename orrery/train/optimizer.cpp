#include "orrery/train/optimizer.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>

#include "orrery/base/error.h"
#include "orrery/base/tensor_view.h"
#include "orrery/kernels/adamw/adamw.h"

namespace orrery::train {

namespace {

constexpr int64_t kPiece = 1 << 16;  // values of a thread's turn: its four streams are 1 MiB

std::span<float> floats(const at::Tensor& tensor, int64_t first, int64_t count) {
  return {tensor.data_ptr<float>() + first, static_cast<size_t>(count)};
}

}  // namespace

AdamW::AdamW(const NamedTensors& parameters, const OptimizerOptions& options) : options_(options) {
  for (const auto& [name, tensor] : parameters) {
    if (!tensor.requires_grad()) continue;
    parameters_[name] = tensor;
    moments_[name] = {at::zeros(tensor.sizes()), at::zeros(tensor.sizes())};
  }
}

double AdamW::gradient_norm() const {
  double sum = 0;
  for (const auto& [name, tensor] : parameters_) {
    if (!tensor.grad().defined()) continue;
    const double squares = tensor.grad().square().sum(at::kDouble).item<double>();
    if (!std::isfinite(squares))
      throw Error({.doing = "train",
                   .where = "the gradient of " + name,
                   .found = "a value that is not finite",
                   .expected = "finite numbers",
                   .advice = "a lower learning_rate or max_grad_norm may help"});
    sum += squares;
  }
  return std::sqrt(sum);
}

void AdamW::step(double learning_rate, double gradient_scale) {
  ++steps_;
  for (const auto& [name, tensor] : parameters_) {
    const at::Tensor gradient = tensor.grad();
    if (!gradient.defined()) continue;
    const at::Tensor g = gradient.contiguous();
    const Moments& moments = moments_.at(name);
    const kernels::AdamWStep how{.learning_rate = learning_rate,
                                 .beta1 = options_.adam_beta1,
                                 .beta2 = options_.adam_beta2,
                                 .eps = options_.adam_epsilon,
                                 .weight_decay = tensor.dim() > 1 ? options_.weight_decay : 0,
                                 .gradient_scale = gradient_scale,
                                 .step = steps_};
    at::parallel_for(0, tensor.numel(), kPiece, [&](int64_t first, int64_t last) {
      const int64_t count = last - first;
      kernels::adamw(how, floats(tensor, first, count), floats(g, first, count), floats(moments.m, first, count),
                     floats(moments.v, first, count));
    });
    tensor.mutable_grad() = at::Tensor();
  }
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  for (const auto& [name, moments] : moments_) {
    state[name + ".m"] = moments.m;
    state[name + ".v"] = moments.v;
  }
  return state;
}

void AdamW::set_state(const NamedTensors& state, int64_t steps) {
  for (const auto& [name, moments] : moments_) {
    for (const auto& [suffix, moment] : {std::pair(".m", moments.m), std::pair(".v", moments.v)}) {
      const auto found = state.find(name + suffix);
      if (found == state.end() || found->second.sizes() != moment.sizes())
        throw Error({.doing = "resume a run",
                     .where = "the optimizer's " + name + suffix,
                     .found = found == state.end() ? "nothing" : shape_string(found->second.sizes().vec()),
                     .expected = shape_string(moment.sizes().vec())});
      moment.copy_(found->second);
    }
  }
  steps_ = steps;
}

}  // namespace orrery::train
