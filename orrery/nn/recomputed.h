// Activation checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace orrery::nn {

/// f(x), of which only x is kept for the backward pass; that computes f again, so f must give the same each time. The
/// leaves that f reads get their gradients. x wants a gradient.
at::Tensor recomputed(std::function<at::Tensor(const at::Tensor&)> f, const at::Tensor& x);

}  // namespace orrery::nn
