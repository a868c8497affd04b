#include "orrery/nn/weight_gradient.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "orrery/nn/embedding.h"
#include "orrery/nn/half_linear.h"
#include "orrery/nn/layers.h"
#include "orrery/nn/log_probs.h"

namespace orrery::nn {
namespace {

float apart(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<float>(); }

TEST(WeightGradient, ALeafsIsAddedToWhereItLies) {
  at::manual_seed(1);
  const at::Tensor w = at::randn({5, 7}).set_requires_grad(true), d_y = at::randn({9, 5}), x = at::randn({9, 7});
  w.mutable_grad() = at::ones({5, 7});
  const void* place = w.grad().data_ptr();
  WeightGradient gradient(w);
  gradient.add_product(d_y, x);
  gradient.add(at::full({5, 7}, 2.f));
  gradient.add(at::full({5, 7}, 0.5f).to(at::kBFloat16));
  gradient.sum().select(0, 3).add_(1);
  EXPECT_FALSE(gradient.returned().defined());
  EXPECT_EQ(w.grad().data_ptr(), place);
  at::Tensor expected = at::matmul(d_y.t(), x) + 3.5;
  expected.select(0, 3).add_(1);
  EXPECT_LT(apart(w.grad(), expected), 1e-5);
}

TEST(WeightGradient, WithoutOneItBegins) {
  const at::Tensor w = at::zeros({2, 3}).set_requires_grad(true), ones = at::ones({4, 2}), x = at::ones({4, 3});
  WeightGradient first(w);
  first.add_product(ones, x);
  EXPECT_FALSE(first.returned().defined());
  EXPECT_TRUE(at::equal(w.grad(), at::full({2, 3}, 4.f)));
}

TEST(WeightGradient, OfWhatIsNoLeafAutogradIsGivenIt) {
  at::manual_seed(2);
  const at::Tensor leaf = at::randn({6, 8}).set_requires_grad(true), x = at::randn({3, 8});
  const at::Tensor y = half_linear(x, 2 * leaf);
  y.sum().backward();
  EXPECT_LT(apart(leaf.grad(), 2 * x.to(at::kBFloat16).to(at::kFloat).sum(0).expand({6, 8})), 0.05);
}

// Products of more values than are made at once (4 Mi), so in pieces.
TEST(WeightGradient, LargeProductsInBfloat16) {
  at::manual_seed(3);
  const at::Tensor w = at::zeros({5000, 1024}).set_requires_grad(true);
  const at::Tensor d_y = at::randn({4, 5000}).to(at::kBFloat16), x = at::randn({4, 1024}).to(at::kBFloat16);
  for (int time = 0; time < 2; ++time) {
    WeightGradient gradient(w);
    gradient.add_product(d_y, x);
    gradient.returned();
  }
  const at::Tensor once = at::matmul(d_y.to(at::kFloat).t(), x.to(at::kFloat));
  EXPECT_LT((w.grad() - 2 * once).abs().sub(once.abs() / 64).max().item<float>(), 1e-3);
}

// Buckets of gradients are sent by hooks behind a leaf's accumulator (train/gradient_exchange), which is given nothing.
TEST(WeightGradient, HooksBehindTheAccumulatorRunWhenAllHasBeenAdded) {
  const at::Tensor w = at::ones({10, 4}).set_requires_grad(true), tokens = at::tensor({1, 2, 2}, at::kLong);
  const auto accumulator = torch::autograd::impl::grad_accumulator(w);
  using torch::autograd::variable_list;
  int runs = 0;
  at::Tensor seen;
  const auto hook = [&](const variable_list& outputs, const variable_list&) {
    ++runs;
    seen = w.grad().clone();
    return outputs;
  };
  accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(hook));
  const at::Tensor x = embedding_rows(w, tokens);  // the embedding's rows, and products with it: a tied head
  token_log_probs(x, Linear{.weight = w}, tokens).sum().backward();
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(at::equal(seen, w.grad()));
}

TEST(WeightGradient, EmbeddingsAndATiedHeadAsAutogradHasThem) {
  at::manual_seed(4);
  const at::Tensor value = at::randn({40, 6}), tokens = at::tensor({3, 39, 3, 0}, at::kLong);
  const auto gradient = [&](const auto& embed, const auto& log_probs) {
    const at::Tensor w = value.clone().set_requires_grad(true);
    for (int time = 0; time < 2; ++time) log_probs(embed(w), w).sum().backward();
    return w.grad();
  };
  const at::Tensor ours = gradient(
      [&](const at::Tensor& w) { return embedding_rows(w, tokens); },
      [&](const at::Tensor& x, const at::Tensor& w) { return token_log_probs(x, Linear{.weight = w}, tokens); });
  const at::Tensor plain = gradient([&](const at::Tensor& w) { return at::embedding(w, tokens); },
                                    [&](const at::Tensor& x, const at::Tensor& w) {
                                      return at::log_softmax(at::matmul(x, w.t()), -1).gather(-1, tokens.unsqueeze(-1));
                                    });
  EXPECT_LT(apart(ours, plain), 1e-5);
}

}  // namespace
}  // namespace orrery::nn
