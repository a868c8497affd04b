// The training loop on a small regression: what cutting a batch, stopping and going on change, which is nothing.
#include "orrery/train/loop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <cmath>

#include "orrery/base/file.h"
#include "orrery/train/schedule.h"
#include "tests/text/tiny_model.h"
#include "tests/train/metrics_lines.h"
#include "tests/train/regression.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

LoopOptions options_of(const text::TempFolder& folder) {
  return {.max_steps = 9,
          .learning_rate = 0.05,
          .schedule = {.warmup_steps = 2},
          .optimizer = {.weight_decay = 0.1},
          .logging_steps = 1,
          .output_dir = folder.path()};
}

TEST(Loop, StepsAreTorchsAdamW) {
  text::TempFolder folder;
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
  text::TempFolder whole_folder, cut_folder;
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

class Resumed : public testing::TestWithParam<OptimizerKind> {};
INSTANTIATE_TEST_SUITE_P(Loop, Resumed,
                         testing::Values(OptimizerKind::kAdamW, OptimizerKind::kAdamW8bit, OptimizerKind::kAdafactor,
                                         OptimizerKind::kLion),
                         [](const auto& kind) { return std::string(name_of(kOptimizerNames, kind.param)); });

TEST_P(Resumed, AStoppedRunGoesOnBitForBit) {
  const auto options_in = [](const text::TempFolder& folder) {
    LoopOptions options = options_of(folder);
    options.optimizer.optim = GetParam();
    options.ema_decay = 0.9, options.eval_steps = 3;
    return options;
  };
  constexpr int64_t kWidth = 1000;  // enough for states in 8 bits
  text::TempFolder undisturbed_folder;
  Regression undisturbed({7, 5}, kWidth);
  run(undisturbed, options_in(undisturbed_folder));
  for (int64_t stop = 0; stop < 9; ++stop) {
    text::TempFolder folder;
    LoopOptions options = options_in(folder);
    options.save_steps = 2;
    options.resume = true;
    struct Stopped {};
    Regression first({7, 5}, kWidth), second({7, 5}, kWidth);
    first.on_micro_batch = [&](int64_t step, size_t i) {
      if (step == stop && i == 1) throw Stopped();
    };
    EXPECT_THROW(run(first, options), Stopped);
    int64_t began = -1;
    second.on_step = [&](int64_t step) { began = began < 0 ? step : began; };
    run(second, options);
    EXPECT_GE(began, stop / 2 * 2);  // or behind an evaluation that was the best
    EXPECT_LE(began, stop);
    EXPECT_TRUE(same(undisturbed, second)) << stop;
    EXPECT_FALSE(same(undisturbed, first)) << stop;
    for (const char* file : {"parameters", "optimizer", "averages"}) {
      const std::string name = std::string("checkpoint-9/") + file + ".safetensors";
      EXPECT_EQ(read_text(undisturbed_folder / name), read_text(folder / name)) << file;
    }
  }
}

TEST(Loop, MetricsOfAStoppedRunAreThoseOfAnUndisturbedOne) {
  text::TempFolder undisturbed, stopped;
  LoopOptions options = options_of(undisturbed);
  options.logging_steps = 3, options.save_steps = 4, options.eval_steps = 5;
  Regression whole({12}), first({12}), second({12});
  run(whole, options);
  options.output_dir = stopped.path();
  options.resume = true;
  first.on_step = [](int64_t step) {
    if (step == 7) throw std::runtime_error("stopped");
  };
  EXPECT_THROW(run(first, options), std::runtime_error);
  run(second, options);
  const auto lines = lines_of(undisturbed.path());
  EXPECT_EQ(lines, lines_of(stopped.path()));
  std::vector<int64_t> steps;
  for (const auto& line : lines) {
    const int64_t step = line.at("step");
    steps.push_back(step);
    for (const char* name : {"loss", "grad_norm", "learning_rate", "mean_y"}) EXPECT_TRUE(line.contains(name)) << line;
    EXPECT_EQ(line.contains("eval_loss"), step == 5 || step == 9) << line;
    EXPECT_EQ(line.at("num_input_tokens_seen"), 60 * step);
    EXPECT_DOUBLE_EQ(line.at("epoch"), static_cast<double>(step) / 6);
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{3, 4, 5, 6, 8, 9}));
}

TEST(Loop, EpochsSayHowLongARunIs) {
  text::TempFolder folder;
  LoopOptions options = options_of(folder);
  options.max_steps = -1, options.num_train_epochs = 1.4;
  Regression task({12});
  EXPECT_EQ(run(task, options).global_step, 9);  // of 6 steps each, rounded up
  class Endless final : public Regression {
   public:
    Endless() : Regression({12}) {}
    int64_t steps_per_epoch() const override { return 0; }
  } endless;
  text::TempFolder other;
  options.output_dir = other.path();
  text::expect_contains(text::error_of([&] { run(endless, options); }), {"max_steps", "no epochs"});
}

TEST(Loop, KeepsTheNewestCheckpointsAndNoHalves) {
  text::TempFolder folder;
  LoopOptions options = options_of(folder);
  options.save_steps = 2;
  fs::create_directories(folder / "checkpoint-100.partial");
  Regression task({12});
  run(task, options);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"checkpoint-8", "checkpoint-9"}));
  EXPECT_NE(text::error_of([&] { run(task, options); }).find("--resume"), std::string::npos);
}

TEST(Loop, WhatATaskHasSaidIsInCheckpoints) {
  class Talker final : public Regression {
   public:
    Talker() : Regression({12}) {}
    std::vector<std::string> said() const override { return words; }
    void recall(const std::vector<std::string>& said) override { recalled = said; }
    std::vector<std::string> words, recalled = {"nothing was"};
  };
  text::TempFolder folder;
  LoopOptions options = options_of(folder);
  options.max_steps = 3;
  Talker silent, first, second;
  run(silent, options);
  EXPECT_TRUE(silent.recalled.empty());
  EXPECT_EQ(read_text(folder / "checkpoint-3/state.json").find("said"), std::string::npos);
  options.resume = true, options.max_steps = 5;  // what older programs left has no such field either
  first.words = {"a", "b"};
  run(first, options);
  EXPECT_TRUE(first.recalled.empty());
  options.max_steps = 9;
  run(second, options);
  EXPECT_EQ(second.recalled, first.words);
}

TEST(Loop, ACheckpointOfAnotherModelIsRefused) {
  text::TempFolder folder;
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
  const auto refusal = [&] { return text::error_of([&] { run(other, options); }); };
  text::expect_contains(refusal(), {"checkpoint-9", "w", "nothing of that name"});
  other.parameters_["w"] = at::zeros({5, 7}).set_requires_grad(true);
  text::expect_contains(refusal(), {"checkpoint-9", "v", "[7]", "[8]"});
  other.parameters_ = task.parameters();
  other.parameters_["u"] = at::zeros({2}).set_requires_grad(true);
  text::expect_contains(refusal(), {"checkpoint-9", "u", "nothing", "[2]"});
  other.parameters_.erase("u");
  options.ema_decay = 0.5;
  text::expect_contains(refusal(), {"averages.safetensors"});
  options.ema_decay = 0, options.optimizer.optim = OptimizerKind::kLion;
  text::expect_contains(refusal(), {"state.json", "optim", "adamw", "lion"});
}

TEST(Loop, WhatIsNotFiniteStopsTheRunByName) {
  text::TempFolder folder;
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
  text::TempFolder folder;
  Steep task;
  const std::string what = text::error_of([&] { run(task, options_of(folder)); });
  for (const char* part : {"step 1", "gradient of w"}) EXPECT_NE(what.find(part), std::string::npos) << what;
}

TEST(Loop, GradientsAreScaledDownToTheNorm) {
  text::TempFolder free_folder, held_folder;
  Regression free({12}), held({12});
  LoopOptions options = options_of(free_folder);
  options.max_steps = 1, options.schedule.warmup_steps = 0,
  options.optimizer = {.adam_epsilon = 1};  // with a large eps the scale shows
  options.max_grad_norm = 0;
  run(free, options);
  options.output_dir = held_folder.path();
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
