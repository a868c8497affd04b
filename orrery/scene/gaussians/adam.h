// How a column of Gaussians learns.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "orrery/base/thread_pool.h"
#include "orrery/scene/gaussians/table.h"
#include "orrery/train/update_rule.h"

namespace orrery::scene {

/// Adam without weight decay, eps 1e-15, at a rate of its own (the loop's is a factor of it).
class GaussianAdam final : public train::UpdateRule {
 public:
  struct Rates {
    std::function<double(int64_t step)> of_step;  ///< steps from 1
    std::vector<float> of_columns;                ///< multiples of it; empty: 1
  };
  /// Writes rows [first, first + rows.size() / columns) of a gradient.
  using MakeRows = std::function<void(int64_t first, std::span<float> rows)>;

  /// `takes_part` [rows]: those that learn in a step; empty: all. `make_rows`: of a gradient that is its own
  /// (train::UpdateRule); none: autograd gives it. All outlive this.
  GaussianAdam(Column& column, Rates rates, const std::vector<uint8_t>& takes_part, ThreadPool& pool,
               MakeRows make_rows = nullptr)
      : column_(column),
        rates_(std::move(rates)),
        takes_part_(takes_part),
        pool_(pool),
        make_rows_(std::move(make_rows)) {}

  bool has_own_gradient() const override { return make_rows_ != nullptr; }
  at::Tensor own_gradient(int64_t first, int64_t count) override;
  void update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override;
  train::NamedTensors state() const override { return {{"m", column_.m}, {"v", column_.v}}; }

 private:
  void update_rows(const train::UpdateStep& step, int64_t first, const at::Tensor& gradient);

  Column& column_;
  const Rates rates_;
  const std::vector<uint8_t>& takes_part_;
  ThreadPool& pool_;
  const MakeRows make_rows_;
  std::vector<float> made_;  // by it, last
};

/// Adam with the same eps of a tensor with a row per photo: a step teaches its photo's row alone. As each photo comes
/// once in an epoch, a row's own steps are the epochs.
class PhotoAdam final : public train::UpdateRule {
 public:
  /// `photo`: whose row learns in a step. Both outlive this.
  PhotoAdam(Column& column, std::function<double(int64_t step)> rate_of_step, const size_t& photo)
      : column_(column), rate_of_step_(std::move(rate_of_step)), photo_(photo) {}

  void update(const train::UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override;
  train::NamedTensors state() const override { return {{"m", column_.m}, {"v", column_.v}}; }

 private:
  Column& column_;
  const std::function<double(int64_t)> rate_of_step_;
  const size_t& photo_;
};

/// exp of a line between the logarithms of the two rates, which the steps behind the last keep.
double falling_rate(double init, double final, int64_t max_steps, int64_t step);

}  // namespace orrery::scene
