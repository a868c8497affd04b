// What evaluations decide: the best checkpoint, an early end, what is left behind.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "tests/text/tiny_model.h"
#include "tests/train/regression.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

LoopOptions evaluation_options(const text::TempFolder& folder) {
  return {.max_steps = 12,
          .learning_rate = 0.05,
          .logging_steps = 1,
          .save_steps = 0,
          .save_total_limit = 1,
          .output_dir = folder.path(),
          .eval_steps = 2};
}

/// Evaluations say these losses, one after another, and keep what the parameters were then.
struct Scripted {
  explicit Scripted(Regression& task, std::vector<double> losses) {
    task.on_evaluate = [this, &task, losses = std::move(losses)](Metrics& metrics) {
      EXPECT_FALSE(at::GradMode::is_enabled());
      metrics["loss"] = losses.at(seen.size());
      metrics["accuracy"] = -metrics["loss"];
      seen.push_back(task.parameters().at("w").clone());
    };
  }
  std::vector<at::Tensor> seen;
};

std::vector<std::string> checkpoints(const text::TempFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

TEST(Evaluation, TheBestCheckpointStaysAndIsLeftBehind) {
  text::TempFolder folder;
  Regression task({12});
  const Scripted scripted(task, {5, 3, 4, 4, 6, 3});  // behind steps 2, 4, …, 12; equal is no better
  LoopOptions options = evaluation_options(folder);
  options.load_best_model_at_end = true;
  const RunState state = run(task, options);
  EXPECT_EQ(state.global_step, 12);
  EXPECT_EQ(state.best_global_step, 4);
  EXPECT_EQ(state.best_metric, 3);
  EXPECT_EQ(checkpoints(folder), (std::vector<std::string>{"checkpoint-12", "checkpoint-4"}));
  EXPECT_TRUE(task.parameters().at("w").equal(scripted.seen[1]));
  EXPECT_FALSE(task.parameters().at("w").equal(scripted.seen[5]));
}

TEST(Evaluation, MoreMayBeBetter) {
  for (const bool named : {false, true}) {
    text::TempFolder folder;
    Regression task({12});
    const Scripted scripted(task, {5, 3, 4, 2, 6, 7});
    LoopOptions options = evaluation_options(folder);
    options.metric_for_best_model = named ? "eval_accuracy" : "loss";
    if (!named) options.greater_is_better = true;
    EXPECT_EQ(run(task, options).best_global_step, named ? 8 : 12);
  }
}

TEST(Evaluation, PatienceEndsARun) {
  for (const auto& [threshold, end] : {std::pair<double, int64_t>{0, 10}, {0.5, 6}}) {
    text::TempFolder folder;
    Regression task({12});
    const Scripted scripted(task, {5, 4.8, 4.7, 4.9, 4.7, 1});
    LoopOptions options = evaluation_options(folder);
    options.early_stopping_patience = 2;
    options.early_stopping_threshold = threshold;
    const RunState state = run(task, options);
    EXPECT_EQ(state.global_step, end) << threshold;
    EXPECT_EQ(state.best_global_step, 6);  // what is better by less than the threshold is still the best
    options.resume = true;                 // it stays ended
    Regression again({12});
    again.on_step = [](int64_t) { FAIL(); };
    EXPECT_EQ(run(again, options).global_step, end);
    EXPECT_TRUE(same(task, again));
  }
}

TEST(Evaluation, WhatIsNotFiniteIsNeverTheBest) {
  text::TempFolder folder;
  Regression task({12});
  const Scripted scripted(task, {NAN, 5, NAN, -INFINITY, 4, NAN});
  const RunState state = run(task, evaluation_options(folder));
  EXPECT_EQ(state.best_global_step, 10);
  EXPECT_EQ(state.best_metric, 4);
}

TEST(Evaluation, AStoppedRunDecidesAsAnUndisturbedOne) {
  const auto options_in = [](const text::TempFolder& folder) {
    LoopOptions options = evaluation_options(folder);
    options.save_steps = 3, options.load_best_model_at_end = options.resume = true;
    options.early_stopping_patience = 3;
    return options;
  };
  const auto by_step = [](Regression& task, int64_t stop) {  // losses that follow from the step, as real ones do
    auto step_now = std::make_shared<int64_t>(0);
    task.on_step = [=](int64_t step) {
      *step_now = step;
      if (step == stop) throw std::runtime_error("stopped");
    };
    task.on_evaluate = [=](Metrics& metrics) { metrics["loss"] = *step_now == 3 ? 1 : 2 + std::sin(*step_now); };
  };
  text::TempFolder undisturbed_folder;
  Regression undisturbed({12});
  by_step(undisturbed, -1);
  run(undisturbed, options_in(undisturbed_folder));
  const auto state_of = [](const text::TempFolder& folder) { return read_text(folder / "checkpoint-10/state.json"); };
  for (int64_t stop = 0; stop < 10; ++stop) {
    text::TempFolder folder;
    Regression first({12}), second({12});
    by_step(first, stop), by_step(second, -1);
    EXPECT_THROW(run(first, options_in(folder)), std::runtime_error);
    run(second, options_in(folder));
    EXPECT_TRUE(same(undisturbed, second)) << stop;
    EXPECT_EQ(state_of(folder), state_of(undisturbed_folder)) << stop;
    EXPECT_EQ(checkpoints(folder), checkpoints(undisturbed_folder)) << stop;
  }
}

TEST(Evaluation, AveragesAreEvaluatedAndLeftBehind) {
  text::TempFolder folder, raw_folder;
  Regression task({12}), raw({12});
  LoopOptions options = evaluation_options(folder);
  options.max_steps = 3, options.eval_steps = 3, options.ema_decay = 0.15;
  const Scripted scripted(task, {1});
  std::vector<at::Tensor> weights;  // before steps 1, 2, 3 and behind the last
  raw.on_step = [&](int64_t) { weights.push_back(raw.parameters().at("w").clone()); };
  run(task, options);
  options.output_dir = raw_folder.path(), options.ema_decay = 0, options.eval_steps = 0;
  run(raw, options);
  weights.push_back(raw.parameters().at("w").clone());
  // d = min(0.15, (1 + t)/(10 + t)): 2/11 and more are above it.
  at::Tensor average = weights[0];
  for (size_t t = 1; t <= 3; ++t) average = 0.15 * average + 0.85 * weights[t];
  EXPECT_TRUE(at::allclose(task.parameters().at("w"), average, 1e-6, 1e-7));
  EXPECT_TRUE(task.parameters().at("w").equal(scripted.seen[0]));
  EXPECT_FALSE(at::allclose(task.parameters().at("w"), weights[3], 1e-4, 1e-5));
  EXPECT_EQ(read_text(folder / "checkpoint-3/parameters.safetensors"),
            read_text(raw_folder / "checkpoint-3/parameters.safetensors"));  // the steps themselves do not see them
}

TEST(Evaluation, TheFirstAveragesForgetSoon) {
  text::TempFolder folder;
  Regression task({12});
  LoopOptions options = evaluation_options(folder);
  options.max_steps = 1, options.eval_steps = 0, options.ema_decay = 0.999;
  const Regression start({12});
  run(task, options);
  const double moved = (task.parameters().at("w") - start.parameters().at("w")).abs().max().item<double>();
  EXPECT_NEAR(moved, 0.05 * 9 / 11, 1e-4);  // Adam's first step is the rate; d = 2/11
}

TEST(Evaluation, ContradictionsAreRefusedByName) {
  text::TempFolder folder;
  Regression task({12});
  const auto refusal = [&](const std::function<void(LoopOptions&)>& change) {
    LoopOptions options = evaluation_options(folder);
    change(options);
    return text::error_of([&] { run(task, options); });
  };
  text::expect_contains(refusal([](LoopOptions& o) { o.eval_steps = 0, o.load_best_model_at_end = true; }),
                        {"load_best_model_at_end", "eval_steps"});
  text::expect_contains(refusal([](LoopOptions& o) { o.eval_steps = 0, o.early_stopping_patience = 1; }),
                        {"early_stopping_patience", "eval_steps"});
  text::expect_contains(refusal([](LoopOptions& o) { o.ema_decay = 1; }), {"ema_decay", "between 0 and 1"});
  text::expect_contains(refusal([](LoopOptions& o) { o.metric_for_best_model = "rouge"; }), {"rouge", "eval_loss"});
  task.on_evaluate = [](Metrics& metrics) { metrics.clear(); };
  text::TempFolder other;
  text::expect_contains(refusal([&](LoopOptions& o) { o.output_dir = other.path(); }), {"eval_steps", "held-out"});
}

}  // namespace
}  // namespace orrery::train
