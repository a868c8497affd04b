// When buckets of gradients go out. That the sums are right is for ranks_test.cpp, with several processes.
#include "orrery/train/gradient_exchange.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "orrery/nn/recomputed.h"

namespace orrery::train {
namespace {

constexpr int kLayers = 12;

/// y = w11 tanh(… tanh(w0 x)), and a tensor of which nothing depends.
struct Chain {
  Chain() {
    for (int i = 0; i < kLayers; ++i)
      parameters["layers." + std::to_string(i) + ".w"] =
          at::full({8}, 1.f + 0.01f * static_cast<float>(i)).set_requires_grad(true);
    parameters["layers.3.unused"] = at::ones({8}).set_requires_grad(true);
  }
  at::Tensor& w(int i) { return parameters["layers." + std::to_string(i) + ".w"]; }
  at::Tensor layers(at::Tensor x, int first, int last) {
    for (int i = first; i < last; ++i) x = at::tanh(w(i) * x);
    return x;
  }
  at::Tensor loss(bool recomputes) {
    at::Tensor x = layers(at::full({8}, 0.5), 0, 4);
    x = recomputes ? nn::recomputed([this](const at::Tensor& at) { return layers(at, 4, 8); }, x) : layers(x, 4, 8);
    return layers(x, 8, kLayers).sum();
  }
  NamedTensors parameters;
};

NamedTensors gradients_of(const NamedTensors& parameters) {
  NamedTensors all;
  for (const auto& [name, tensor] : parameters)
    if (tensor.grad().defined()) all[name] = tensor.grad().clone();
  return all;
}

TEST(GradientExchange, BucketsGoOutDuringTheLastPass) {
  for (const bool recomputes : {false, true}) {
    Chain chain;
    for (int pass = 0; pass < 2; ++pass) chain.loss(false).backward();
    const NamedTensors expected = gradients_of(chain.parameters);
    ASSERT_EQ(expected.size(), size_t{kLayers});

    Ranks alone;
    GradientExchange exchange(chain.parameters, alone, /*values_per_bucket=*/16);
    ASSERT_EQ(exchange.buckets(), 7u);  // two tensors each: 11 10, 9 8, 7 6, 5 4, 3 and the one not used, 2 1, 0
    // In the first step nobody knows how often a tensor's gradient is added to; then all but the one that never comes.
    for (const size_t sent : {0, 4, 4}) {
      exchange.begin();
      chain.loss(recomputes).backward();
      EXPECT_EQ(exchange.sent(), 0u);
      exchange.last_pass();
      chain.loss(recomputes).backward();
      EXPECT_EQ(exchange.sent(), sent) << recomputes;
      exchange.send_rest();
      EXPECT_EQ(exchange.sent(), 7u);
      std::string present(kLayers + 1, '1');
      present[5] = '0';  // layers.0, 1, 10, 11, 2, 3.unused
      EXPECT_EQ(exchange.present(), present);
      exchange.finish(present);
      const NamedTensors gradients = gradients_of(chain.parameters);
      ASSERT_EQ(gradients.size(), expected.size());
      for (const auto& [name, gradient] : gradients) EXPECT_TRUE(gradient.equal(expected.at(name))) << name;
    }
  }
}

TEST(GradientExchange, LeavesNothingBehind) {
  Chain chain;
  Ranks alone;
  { GradientExchange exchange(chain.parameters, alone); }
  for (auto& [name, tensor] : chain.parameters) tensor.mutable_grad() = at::Tensor();
  chain.loss(false).backward();  // no hook is called
  EXPECT_EQ(gradients_of(chain.parameters).size(), size_t{kLayers});
}

}  // namespace
}  // namespace orrery::train
