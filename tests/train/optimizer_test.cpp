#include "orrery/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "orrery/base/error.h"
#include "tests/text/tiny_model.h"
#include "tests/train/regression.h"

namespace orrery::train {
namespace {

// By tests/kernels/scripts/optimizers.py: a [2, 3] of p_i = sin i; in step t from 1, g_i = cos(3i + t); rate 0.05,
// decay 0.1; three steps.
TEST(Optimizer, StepsAreTheirs) {
  const std::pair<OptimizerOptions, std::vector<float>> cases[] = {
      {{.optim = OptimizerKind::kAdamW},
       {-0.02867602f, 0.87591469f, 0.83208251f, 0.21713808f, -0.83613008f, -0.8431378f}},
      {{.optim = OptimizerKind::kLion, .adam_beta2 = 0.99},
       {0.05024875f, 0.77866318f, 0.9459748f, 0.18826502f, -0.79475837f, -0.89536096f}},
      {{.optim = OptimizerKind::kAdafactor},
       {0.054945454f, 0.79446036f, 0.91018021f, 0.14010005f, -0.76057673f, -0.91613448f}},
  };
  for (auto [options, expected] : cases) {
    options.weight_decay = 0.1;
    const at::Tensor i = at::arange(6, at::kDouble).view({2, 3});
    const at::Tensor p = at::sin(i).to(at::kFloat).set_requires_grad(true);
    Optimizer optimizer({{"p", p}}, options);
    for (int64_t step = 1; step <= 3; ++step) {
      p.mutable_grad() = at::cos(3 * i + step).to(at::kFloat);
      optimizer.step({.learning_rate = 0.05, .gradient_scale = 1, .number = step});
    }
    EXPECT_FALSE(p.grad().defined());
    EXPECT_TRUE(at::allclose(p.detach().flatten(), at::tensor(expected), 0, 2e-6))
        << name_of(kOptimizerNames, options.optim);
  }
}

TEST(Optimizer, StatesAreAsSmallAsTheySay) {
  const at::Tensor matrix = at::zeros({64, 100}).set_requires_grad(true),
                   vector = at::zeros({50}).set_requires_grad(true);
  for (const auto& [kind, bytes] : {std::pair<OptimizerKind, size_t>{OptimizerKind::kAdamW, 8 * 6450},
                                    {OptimizerKind::kAdamW8bit, 2 * (6400 + 4 * 25) + 8 * 50},
                                    {OptimizerKind::kAdafactor, 4 * (64 + 100) + 4 * 50},
                                    {OptimizerKind::kLion, 4 * 6450}}) {
    size_t all = 0;
    for (const auto& [name, tensor] : Optimizer({{"a", matrix}, {"b", vector}}, {.optim = kind}).state())
      all += tensor.nbytes();
    EXPECT_EQ(all, bytes) << name_of(kOptimizerNames, kind);
  }
}

/// What this process has mapped. (/proc knows no sizes, so it cannot be mapped itself.)
std::string mappings() {
  std::ifstream file("/proc/self/maps");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Optimizer, PagedStatesAreTheSameInFilesThatAreGoneWithThem) {
  const text::TempFolder folder;
  const auto step = [&](OptimizerKind kind) {
    const at::Tensor i = at::arange(30000, at::kDouble);
    const at::Tensor p = at::sin(i).to(at::kFloat).set_requires_grad(true);
    Optimizer optimizer({{"p", p}}, {.optim = kind, .page_folder = folder / "pages"});
    for (int64_t number = 1; number <= 3; ++number) {
      p.mutable_grad() = at::cos(3 * i + number).to(at::kFloat);
      optimizer.step({.learning_rate = 0.05, .gradient_scale = 1, .number = number});
    }
    const bool mapped = mappings().find((folder / "pages").string()) != std::string::npos;
    EXPECT_EQ(mapped, name_of(kOptimizerNames, kind).starts_with("paged"));
    NamedTensors all;
    for (const auto& [name, state] : optimizer.state()) all[name] = state.clone();
    all["p"] = p.detach();
    return all;
  };
  for (const auto& [plain, paged] : {std::pair{OptimizerKind::kAdamW, OptimizerKind::kPagedAdamW},
                                     {OptimizerKind::kAdamW8bit, OptimizerKind::kPagedAdamW8bit},
                                     {OptimizerKind::kLion, OptimizerKind::kPagedLion}}) {
    const NamedTensors expected = step(plain), all = step(paged);
    ASSERT_EQ(all.size(), expected.size());
    for (const auto& [name, tensor] : expected)
      EXPECT_TRUE(tensor.equal(all.at(name))) << name_of(kOptimizerNames, paged) << ", " << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "pages"));
  EXPECT_EQ(mappings().find((folder / "pages").string()), std::string::npos);
}

TEST(Optimizer, PagedStatesNeedAFolder) {
  const at::Tensor p = at::zeros({10}).set_requires_grad(true);
  try {
    Optimizer({{"p", p}}, {.optim = OptimizerKind::kPagedAdamW, .page_folder = "/proc/nothing"});
    FAIL();
  } catch (const Error& error) {
    text::expect_contains(error.what(), {"paged states", "/proc/nothing", "40 bytes"});
  }
}

TEST(Optimizer, ThreadsChangeNoBit) {
  const auto step = [](OptimizerKind kind, int threads) {
    at::set_num_threads(threads);
    const at::Tensor i = at::arange(301 * 700, at::kDouble).view({301, 700});  // some pieces and a rest
    const at::Tensor p = at::sin(i).to(at::kFloat).set_requires_grad(true);
    Optimizer optimizer({{"p", p}}, {.optim = kind, .weight_decay = 0.1, .scale_parameter = true});
    for (int64_t number = 1; number <= 3; ++number) {
      p.mutable_grad() = at::cos(3 * i + number).to(at::kFloat);
      optimizer.step({.learning_rate = 0.05, .gradient_scale = 0.7, .number = number});
    }
    NamedTensors all = optimizer.state();
    all["p"] = p.detach();
    return all;
  };
  for (const OptimizerKind kind :
       {OptimizerKind::kAdamW, OptimizerKind::kAdamW8bit, OptimizerKind::kAdafactor, OptimizerKind::kLion}) {
    const NamedTensors one = step(kind, 1), three = step(kind, 3);
    for (const auto& [name, tensor] : one)
      EXPECT_TRUE(tensor.equal(three.at(name))) << name_of(kOptimizerNames, kind) << ", " << name;
  }
}

TEST(Optimizer, TheNormIsExactOnAnyNumberOfThreads) {
  const at::Tensor p = at::zeros({3, 100'003}).set_requires_grad(true);  // several pieces, and a part of one
  p.mutable_grad() = at::sin(at::arange(300'009, at::kDouble)).to(at::kFloat).view({100'003, 3}).t();
  const Optimizer optimizer({{"p", p}}, OptimizerOptions{});
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = optimizer.gradient_norm();
  at::set_num_threads(3);
  EXPECT_EQ(optimizer.gradient_norm(), alone);
  at::set_num_threads(before);
  EXPECT_NEAR(alone, p.grad().to(at::kDouble).norm().item<double>(), 1e-11 * alone);
}

/// A rule whose gradient is its own: that of Σ p·q for another tensor q.
struct OwnGradient final : UpdateRule {
  OwnGradient(const at::Tensor& of, std::vector<int64_t>& asked) : of(of), asked(asked) {}
  bool has_own_gradient() const override { return true; }
  at::Tensor own_gradient(int64_t first, int64_t count) override {
    asked.push_back(count);
    return of.detach().reshape(-1).narrow(0, first, count);
  }
  void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override {
    EXPECT_FALSE(gradient.defined());
    at::Tensor values = parameter.detach();  // the parameter's own memory
    values.sub_(of.detach().view_as(values), step.learning_rate * step.gradient_scale);
  }
  NamedTensors state() const override { return {}; }
  at::Tensor of;
  std::vector<int64_t>& asked;
};

TEST(Optimizer, RulesMayMakeTheirGradients) {
  constexpr int64_t kSize = (1 << 20) + 300;  // more than a piece
  const at::Tensor q = at::sin(at::arange(kSize, at::kDouble)).to(at::kFloat).set_requires_grad(true),
                   p = at::zeros({kSize}).set_requires_grad(true);
  std::vector<int64_t> asked;
  const auto rule_of = [&](const std::string& name) -> std::unique_ptr<UpdateRule> {
    if (name == "p_own") return std::make_unique<OwnGradient>(q, asked);
    return make_update_rule(q, {.optim = OptimizerKind::kLion});
  };
  Optimizer own({{"a", q}, {"p_own", p}}, rule_of);
  const auto forget = [&] { q.mutable_grad() = at::ones_like(q.detach()); };
  forget();
  p.mutable_grad() = q.detach().clone();
  const double norm = Optimizer({{"a", q}, {"p", p}}, {.optim = OptimizerKind::kLion}).gradient_norm();
  p.mutable_grad() = at::Tensor();
  EXPECT_EQ(own.gradient_norm(), norm);
  EXPECT_EQ(asked, (std::vector<int64_t>{1 << 20, 300}));
  const at::Tensor before = q.detach().clone();
  own.step({.learning_rate = 0.5, .gradient_scale = 0.5, .number = 1});  // "a" comes first by its name
  EXPECT_FALSE(q.detach().equal(before));
  EXPECT_TRUE(p.detach().equal(-0.25 * before));

  q.detach()[7] = NAN;
  try {
    own.gradient_norm();
    FAIL();
  } catch (const Error& error) {
    text::expect_contains(error.what(), {"the gradient of p_own", "not finite"});
  }
}

TEST(Optimizer, AllLearn) {
  const auto loss_behind = [](const OptimizerOptions& optimizer, double rate) {
    text::TempFolder folder;
    Regression task({12}, 1000);
    run(task, {.max_steps = 300, .learning_rate = rate, .optimizer = optimizer, .output_dir = folder.path()});
    Metrics metrics;
    task.evaluate(metrics);
    return metrics.at("loss");
  };
  const double adamw = loss_behind({}, 3e-3), start = loss_behind({}, 0);
  EXPECT_LT(adamw, 0.02 * start);
  // With states in 8 bits it learns as well, within the noise of the last steps.
  EXPECT_LT(loss_behind({.optim = OptimizerKind::kAdamW8bit}, 3e-3), 2 * adamw + 0.001 * start);
  EXPECT_LT(loss_behind({.optim = OptimizerKind::kAdafactor}, 3e-3), 0.02 * start);
  EXPECT_LT(loss_behind({.optim = OptimizerKind::kAdafactor, .scale_parameter = true}, 1e-2), 0.02 * start);
  EXPECT_LT(loss_behind({.optim = OptimizerKind::kLion, .adam_beta2 = 0.99}, 1e-3), 0.02 * start);
}

}  // namespace
}  // namespace orrery::train
