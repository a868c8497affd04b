#include "orrery/align/evaluated.h"

#include <ATen/core/Tensor.h>

#include <utility>

namespace orrery::align {

namespace {

class Evaluated final : public train::Task {
 public:
  Evaluated(std::unique_ptr<train::Task> task, std::unique_ptr<train::Task> held_out)
      : task_(std::move(task)), held_out_(std::move(held_out)) {}

  const train::NamedTensors& parameters() const override { return task_->parameters(); }
  std::vector<double> begin_step(int64_t step) override { return task_->begin_step(step); }
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) override {
    return task_->loss_sum(step, micro_batch, sums);
  }
  int64_t tokens_of_step() const override { return task_->tokens_of_step(); }
  int64_t steps_per_epoch() const override { return task_->steps_per_epoch(); }

  void evaluate(train::Metrics& metrics) override {
    double total = 0;
    train::Metrics sums;
    for (int64_t step = 0; step < held_out_->steps_per_epoch(); ++step) {
      const std::vector<double> weights = held_out_->begin_step(step);
      for (size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] == 0) continue;
        sums["loss"] += held_out_->loss_sum(step, i, sums).item<double>();
        total += weights[i];
      }
    }
    for (const auto& [name, sum] : sums) metrics[name] = sum / total;
  }

 private:
  std::unique_ptr<train::Task> task_, held_out_;
};

}  // namespace

std::unique_ptr<train::Task> evaluated(std::unique_ptr<train::Task> task, std::unique_ptr<train::Task> held_out) {
  return std::make_unique<Evaluated>(std::move(task), std::move(held_out));
}

}  // namespace orrery::align
