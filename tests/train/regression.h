// A small regression for tests of the loop, whose every draw follows from its step.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orrery/train/loop.h"

namespace orrery::train {

/// |tanh(x W) v - y|² over 12 rows that follow from the step, cut into micro-batches; W is [5, width].
class Regression : public Task {
 public:
  /// `cuts`: rows of each micro-batch.
  explicit Regression(std::vector<int64_t> cuts, int64_t width = 7);

  const NamedTensors& parameters() const override { return parameters_; }
  std::vector<double> begin_step(int64_t step) override;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, Metrics& sums) override;
  int64_t tokens_of_step() const override { return 60; }
  int64_t steps_per_epoch() const override { return 6; }
  /// "loss" over 20 rows of their own.
  void evaluate(Metrics& metrics) override;

  std::function<void(int64_t)> on_step;
  std::function<void(int64_t, size_t)> on_micro_batch;
  std::function<void(Metrics&)> on_evaluate;  ///< may put other values into the metrics

 private:
  at::Tensor residuals(const at::Tensor& x) const;

  std::vector<int64_t> cuts_;
  NamedTensors parameters_;
  at::Tensor x_;
};

/// The same parameters, bit for bit.
bool same(const Task& a, const Task& b);

}  // namespace orrery::train
