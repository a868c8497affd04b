#include "tests/train/regression.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "orrery/base/random.h"

namespace orrery::train {

namespace {

at::Tensor draws(uint64_t seed, const std::string& name, std::vector<int64_t> shape) {
  RandomStream stream(seed, name);
  at::Tensor values = at::empty(shape);
  for (int64_t i = 0; i < values.numel(); ++i)
    values.data_ptr<float>()[i] = static_cast<float>(2 * stream.uniform() - 1);
  return values;
}

}  // namespace

Regression::Regression(std::vector<int64_t> cuts, int64_t width) : cuts_(std::move(cuts)) {
  at::set_num_threads(1);  // tensors this small are slower on many
  parameters_["v"] = draws(1, "v", {width}).set_requires_grad(true);
  parameters_["w"] = draws(1, "w", {5, width}).set_requires_grad(true);
  parameters_["frozen"] = draws(1, "frozen", {3});
}

std::vector<double> Regression::begin_step(int64_t step) {
  x_ = draws(2, fmt::format("x{}", step), {12, 5});
  if (on_step) on_step(step);
  return {cuts_.begin(), cuts_.end()};
}

at::Tensor Regression::residuals(const at::Tensor& x) const {
  return at::matmul(at::tanh(at::matmul(x, parameters_.at("w"))), parameters_.at("v")) - x.sum(1);
}

at::Tensor Regression::loss_sum(int64_t step, size_t micro_batch, Metrics& sums) {
  if (on_micro_batch) on_micro_batch(step, micro_batch);
  int64_t first = 0;
  for (size_t i = 0; i < micro_batch; ++i) first += cuts_[i];
  const at::Tensor x = x_.narrow(0, first, cuts_[micro_batch]), residual = residuals(x);
  sums["mean_y"] += (residual + x.sum(1)).sum().item<double>();
  return residual.square().sum();
}

void Regression::evaluate(Metrics& metrics) {
  metrics["loss"] = residuals(draws(3, "held out", {20, 5})).square().mean().item<double>();
  if (on_evaluate) on_evaluate(metrics);
}

bool same(const Task& a, const Task& b) {
  for (const auto& [name, tensor] : a.parameters())
    if (!tensor.equal(b.parameters().at(name))) return false;
  return true;
}

}  // namespace orrery::train
