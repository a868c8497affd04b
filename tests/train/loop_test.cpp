// The training loop on a small regression: what cutting a batch, stopping and going on change, which is nothing.
#include "orrery/train/loop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "orrery/base/file.h"
#include "orrery/base/random.h"
#include "orrery/train/schedule.h"
#include "tests/text/tiny_model.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

struct Folder {
  Folder()
      : path(fs::path(testing::TempDir()) / ("train-" + std::to_string(getpid()) + "-" + std::to_string(++made))) {}
  ~Folder() { fs::remove_all(path); }
  static inline int made = 0;
  const fs::path path;
};

at::Tensor draws(uint64_t seed, const std::string& name, std::vector<int64_t> shape) {
  RandomStream stream(seed, name);
  at::Tensor values = at::empty(shape);
  for (int64_t i = 0; i < values.numel(); ++i)
    values.data_ptr<float>()[i] = static_cast<float>(2 * stream.uniform() - 1);
  return values;
}

/// |tanh(x W) v - y|² over rows that follow from the step, cut into micro-batches.
class Regression : public Task {
 public:
  explicit Regression(std::vector<int64_t> cuts) : cuts_(std::move(cuts)) {
    parameters_["v"] = draws(1, "v", {7}).set_requires_grad(true);
    parameters_["w"] = draws(1, "w", {5, 7}).set_requires_grad(true);
    parameters_["frozen"] = draws(1, "frozen", {3});
  }
  const NamedTensors& parameters() const override { return parameters_; }
  std::vector<double> begin_step(int64_t step) override {
    x_ = draws(2, "x" + std::to_string(step), {12, 5});
    if (on_step) on_step(step);
    return {cuts_.begin(), cuts_.end()};
  }
  at::Tensor loss_sum(int64_t step, size_t micro_batch, Metrics& sums) override {
    if (on_micro_batch) on_micro_batch(step, micro_batch);
    int64_t first = 0;
    for (size_t i = 0; i < micro_batch; ++i) first += cuts_[i];
    const at::Tensor x = x_.narrow(0, first, cuts_[micro_batch]);
    const at::Tensor y = at::matmul(at::tanh(at::matmul(x, parameters_["w"])), parameters_["v"]);
    sums["mean_y"] += y.sum().item<double>();
    return (y - x.sum(1)).square().sum();
  }
  std::function<void(int64_t)> on_step;
  std::function<void(int64_t, size_t)> on_micro_batch;

 private:
  std::vector<int64_t> cuts_;
  NamedTensors parameters_;
  at::Tensor x_;
};

LoopOptions options_of(const Folder& folder) {
  return {.max_steps = 9,
          .learning_rate = 0.05,
          .schedule = {.warmup_steps = 2},
          .optimizer = {.weight_decay = 0.1},
          .logging_steps = 1,
          .output_dir = folder.path};
}

bool same(const Task& a, const Task& b) {
  for (const auto& [name, tensor] : a.parameters())
    if (!tensor.equal(b.parameters().at(name))) return false;
  return true;
}

TEST(Loop, StepsAreTorchsAdamW) {
  Folder folder;
  Regression ours({12}), theirs({12});
  LoopOptions options = options_of(folder);
  options.max_grad_norm = 0;
  run(ours, options);
  const Schedule schedule(options.schedule, options.max_steps);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const char* name : {"v", "w"})
    groups.emplace_back(std::vector<at::Tensor>{theirs.parameters().at(name)},
                        std::make_unique<torch::optim::AdamWOptions>(
                            torch::optim::AdamWOptions().weight_decay(std::string(name) == "w" ? 0.1 : 0)));
  torch::optim::AdamW optimizer(groups);
  for (int64_t step = 0; step < options.max_steps; ++step) {
    Metrics sums;
    theirs.begin_step(step);
    optimizer.zero_grad();
    (theirs.loss_sum(step, 0, sums) / 12).backward();
    for (auto& group : optimizer.param_groups()) group.options().set_lr(options.learning_rate * schedule.factor(step));
    optimizer.step();
  }
  for (const char* name : {"v", "w"})
    EXPECT_TRUE(at::allclose(ours.parameters().at(name), theirs.parameters().at(name), 1e-5, 1e-6)) << name;
}

TEST(Loop, CuttingABatchChangesNothing) {
  Folder whole_folder, cut_folder;
  Regression whole({12}), cut({1, 6, 0, 5}), start({12});
  run(whole, options_of(whole_folder));
  run(cut, options_of(cut_folder));
  EXPECT_FALSE(same(whole, start));
  for (const auto& [name, tensor] : whole.parameters())
    EXPECT_TRUE(at::allclose(tensor, cut.parameters().at(name), 1e-5, 1e-6)) << name;
}

// The gradient of the cut batch is that of the whole one to 1e-6, before any optimizer hides a scale.
TEST(Loop, CutGradientsAreTheWholesGradients) {
  Regression whole({12}), cut({1, 6, 0, 5});
  Metrics sums;
  whole.begin_step(0), cut.begin_step(0);
  (whole.loss_sum(0, 0, sums) / 12).backward();
  for (const size_t i : {0, 1, 3}) (cut.loss_sum(0, i, sums) / 12).backward();
  for (const char* name : {"v", "w"})
    EXPECT_TRUE(at::allclose(whole.parameters().at(name).grad(), cut.parameters().at(name).grad(), 1e-6, 1e-6));
}

TEST(Loop, AStoppedRunGoesOnBitForBit) {
  Folder undisturbed_folder;
  Regression undisturbed({7, 5});
  run(undisturbed, options_of(undisturbed_folder));
  for (int64_t stop = 0; stop < 9; ++stop) {
    Folder folder;
    LoopOptions options = options_of(folder);
    options.save_steps = 2;
    options.resume = true;
    struct Stopped {};
    Regression first({7, 5}), second({7, 5});
    first.on_micro_batch = [&](int64_t step, size_t i) {
      if (step == stop && i == 1) throw Stopped();
    };
    EXPECT_THROW(run(first, options), Stopped);
    int64_t began = -1;
    second.on_step = [&](int64_t step) { began = began < 0 ? step : began; };
    run(second, options);
    EXPECT_EQ(began, stop / 2 * 2);
    EXPECT_TRUE(same(undisturbed, second)) << stop;
    EXPECT_FALSE(same(undisturbed, first)) << stop;
  }
}

TEST(Loop, MetricsOfAStoppedRunAreThoseOfAnUndisturbedOne) {
  Folder undisturbed, stopped;
  LoopOptions options = options_of(undisturbed);
  options.logging_steps = 3, options.save_steps = 4;
  Regression whole({12}), first({12}), second({12});
  run(whole, options);
  options.output_dir = stopped.path;
  options.resume = true;
  first.on_step = [](int64_t step) {
    if (step == 7) throw std::runtime_error("stopped");
  };
  EXPECT_THROW(run(first, options), std::runtime_error);
  run(second, options);
  const std::string lines = read_text(undisturbed.path / "metrics.jsonl");
  EXPECT_EQ(lines, read_text(stopped.path / "metrics.jsonl"));
  std::vector<int64_t> steps;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    const auto json = nlohmann::json::parse(line);
    steps.push_back(json.at("step"));
    for (const char* name : {"loss", "grad_norm", "learning_rate", "mean_y"}) EXPECT_TRUE(json.contains(name)) << line;
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{3, 4, 6, 8, 9}));
}

TEST(Loop, KeepsTheNewestCheckpointsAndNoHalves) {
  Folder folder;
  LoopOptions options = options_of(folder);
  options.save_steps = 2;
  fs::create_directories(folder.path / "checkpoint-100.partial");
  Regression task({12});
  run(task, options);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"checkpoint-8", "checkpoint-9"}));
  EXPECT_NE(text::error_of([&] { run(task, options); }).find("--resume"), std::string::npos);
}

TEST(Loop, ACheckpointOfAnotherModelIsRefused) {
  Folder folder;
  LoopOptions options = options_of(folder);
  Regression task({12});
  run(task, options);
  options.resume = true;
  class Other final : public Regression {
   public:
    Other() : Regression({12}) { parameters_ = {{"v", at::zeros({8}).set_requires_grad(true)}}; }
    const NamedTensors& parameters() const override { return parameters_; }
    NamedTensors parameters_;
  } other;
  const std::string what = text::error_of([&] { run(other, options); });
  for (const char* part : {"checkpoint-9", "v", "[7]", "[8]"}) EXPECT_NE(what.find(part), std::string::npos) << what;
}

TEST(Loop, WhatIsNotFiniteStopsTheRunByName) {
  Folder folder;
  Regression task({6, 6});
  task.on_micro_batch = [&](int64_t step, size_t i) {
    if (step == 3 && i == 1) {
      at::NoGradGuard guard;
      task.parameters().at("v")[0] = NAN;
    }
  };
  const std::string what = text::error_of([&] { run(task, options_of(folder)); });
  for (const char* part : {"step 4", "micro-batch 1", "nan"}) EXPECT_NE(what.find(part), std::string::npos) << what;
}

class Steep final : public Regression {
 public:
  Steep() : Regression({12}) {}
  at::Tensor loss_sum(int64_t, size_t, Metrics&) override {
    return at::sqrt(parameters().at("w").abs().sum() * 0);  // 0, with a slope of 0 · ∞
  }
};

TEST(Loop, AGradientThatIsNotFiniteIsNamed) {
  Folder folder;
  Steep task;
  const std::string what = text::error_of([&] { run(task, options_of(folder)); });
  for (const char* part : {"step 1", "gradient of w"}) EXPECT_NE(what.find(part), std::string::npos) << what;
}

TEST(Loop, GradientsAreScaledDownToTheNorm) {
  Folder free_folder, held_folder;
  Regression free({12}), held({12});
  LoopOptions options = options_of(free_folder);
  options.max_steps = 1, options.schedule.warmup_steps = 0,
  options.optimizer = {.adam_epsilon = 1};  // with a large eps the scale shows
  options.max_grad_norm = 0;
  run(free, options);
  options.output_dir = held_folder.path;
  options.max_grad_norm = 1e-3;
  run(held, options);
  const Regression start({12});
  const auto moved = [&](const Task& task) {
    return (task.parameters().at("w") - start.parameters().at("w")).norm().item<double>();
  };
  EXPECT_LT(moved(held), 0.1 * moved(free));
  EXPECT_GT(moved(held), 0);
}

}  // namespace
}  // namespace orrery::train
