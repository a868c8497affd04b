// Properties of nn::Decoder that no golden folder states.
#include "orrery/nn/decoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "orrery/nn/log_probs.h"
#include "orrery/text/engine/engine.h"
#include "tests/text/tiny_model.h"

namespace orrery::nn {
namespace {

using text::TokenId;

class NnDecoder : public testing::Test {
 protected:
  void SetUp() override {
    text::write_tiny_model(folder_.path(), text::tiny_config({{"sliding_window", 5},
                                                              {"model_type", "mistral"},
                                                              {"architectures", {"MistralForCausalLM"}}}));
    checkpoint_ = text::Checkpoint::open(folder_.path().string());
    decoder_ = std::make_unique<Decoder>(*checkpoint_);
  }
  text::TempFolder folder_;
  std::shared_ptr<const text::Checkpoint> checkpoint_;
  std::unique_ptr<Decoder> decoder_;
  const std::vector<std::vector<TokenId>> rows_ = {{3, 90, 17, 42, 8, 1, 1, 2, 77}, {5}, {64, 63, 62, 61, 60, 9}};
};

TEST_F(NnDecoder, RowsDoNotSeeEachOther) {
  const PackedRows packed(rows_);
  const at::Tensor together = decoder_->hidden(packed);
  for (size_t row = 0; row < rows_.size(); ++row) {
    const at::Tensor alone = decoder_->hidden(PackedRows({&rows_[row], 1}));
    const at::Tensor part = together.narrow(0, packed.offsets[row], alone.size(0));
    EXPECT_LT((alone - part).abs().max().item<float>(), 1e-5) << row;
  }
}

TEST_F(NnDecoder, CheckpointingChangesNoGradient) {
  std::map<std::string, at::Tensor> gradients;
  for (const bool checkpointing : {false, true}) {
    decoder_->set_gradient_checkpointing(checkpointing);
    at::Tensor loss;
    {
      const PackedRows packed(rows_);  // is gone before the backward pass
      loss = decoder_->logits(decoder_->hidden(packed)).square().mean();
    }
    {
      at::NoGradGuard guard;
      decoder_->hidden(PackedRows({rows_.data() + 1, 2}));  // another pass between
    }
    loss.backward();
    for (const auto& [name, tensor] : decoder_->parameters().all()) {
      if (checkpointing) {
        EXPECT_TRUE(at::equal(gradients.at(name), tensor.grad())) << name;
      }
      gradients[name] = tensor.grad();
      tensor.mutable_grad() = at::Tensor();
    }
  }
}

TEST_F(NnDecoder, ProductsInHalfPrecisionAreNear) {
  Decoder half(*checkpoint_, nullptr, {.half = true});
  const PackedRows packed(rows_);
  const at::Tensor targets = next_tokens(packed.tokens, packed);
  const auto loss_of = [&](Decoder& decoder) {
    return -token_log_probs(decoder.hidden(packed), decoder.head(), targets).sum();
  };
  const at::Tensor exact = loss_of(*decoder_), rounded = loss_of(half);
  EXPECT_NE(exact.item<float>(), rounded.item<float>());
  EXPECT_NEAR(exact.item<float>(), rounded.item<float>(), 0.02 * exact.item<float>());
  rounded.backward();
  for (const auto& [name, tensor] : half.parameters().all()) EXPECT_EQ(tensor.grad().scalar_type(), at::kFloat) << name;
}

TEST_F(NnDecoder, SaysWhatTheEngineSays) {
  const PackedRows packed({rows_.data(), 1});
  const at::Tensor logits = decoder_->logits(decoder_->hidden(packed)).contiguous();
  text::Engine engine(checkpoint_, {.threads = 1, .exact = true});
  engine.score(rows_[0], [&](int64_t position, std::span<const float> theirs) {
    for (size_t i = 0; i < theirs.size(); ++i)
      ASSERT_NEAR(logits[position][static_cast<int64_t>(i)].item<float>(), theirs[i], 1e-4) << position << " " << i;
  });
}

TEST_F(NnDecoder, GradientsDoNotDependOnTheNumberOfThreads) {
  const auto gradient = [&](int threads) {
    at::set_num_threads(threads);
    for (const auto& [name, tensor] : decoder_->parameters().all()) tensor.mutable_grad() = at::Tensor();
    decoder_->hidden(PackedRows(rows_)).square().sum().backward();
    return decoder_->parameters().at("model.layers.0.self_attn.k_proj.weight").grad().clone();
  };
  const int before = at::get_num_threads();
  const at::Tensor one = gradient(1), three = gradient(3);
  at::set_num_threads(before);
  EXPECT_LT((one - three).abs().max().item<float>(), 1e-6 * one.abs().max().item<float>());
}

/// Rows and words.
class TokenLogProbsOf : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};
// The second pair takes two parts of rows, each with parts of words.
INSTANTIATE_TEST_SUITE_P(Sizes, TokenLogProbsOf, testing::Values(std::pair(11, 13), std::pair(1100, 9000)));

TEST_P(TokenLogProbsOf, EqualTheWholeMatrix) {
  at::manual_seed(1);
  const auto [n, vocabulary] = GetParam();
  const int64_t size = 6;
  const at::Tensor hidden = at::randn({n, size}).set_requires_grad(true);
  const Linear head{
      at::randn({vocabulary, size}).set_requires_grad(true), at::randn({vocabulary}).set_requires_grad(true), {}};
  at::Tensor targets = at::randint(vocabulary, {n}, at::kLong);
  targets.index_put_({at::tensor({2, 5})}, kIgnored);
  const at::Tensor weights = at::randn({n});
  const auto gradients = [&](const at::Tensor& log_probs) {
    for (const at::Tensor& x : {hidden, head.weight, head.bias}) x.mutable_grad() = at::Tensor();
    (log_probs * weights).sum().backward();
    return std::vector<at::Tensor>{hidden.grad().clone(), head.weight.grad().clone(), head.bias.grad().clone()};
  };
  const at::Tensor counts = targets.ne(kIgnored);
  const auto in_double = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const at::Tensor logits = at::linear(in_double(hidden), in_double(head.weight), in_double(head.bias));
  const at::Tensor expected =
      at::log_softmax(logits, -1).gather(-1, targets.clamp_min(0).unsqueeze(-1)).squeeze(-1) * counts;
  const at::Tensor ours = token_log_probs(hidden, head, targets);
  EXPECT_LT((ours - expected).abs().max().item<double>(), 1e-5);
  const std::vector<at::Tensor> theirs = gradients(expected), own = gradients(ours);
  for (size_t i = 0; i < own.size(); ++i)
    EXPECT_LT((own[i] - theirs[i]).abs().max().item<float>(), 1e-5 * (1 + theirs[i].abs().max().item<float>())) << i;
}

/// A PEFT folder may change lm_head too.
TEST(TokenLogProbs, CountAnAdaptersChangeOfTheHead) {
  at::manual_seed(4);
  const at::Tensor hidden = at::randn({5, 6}), targets = at::tensor({3L, 0L, 12L, 7L, 7L});
  Linear head{.weight = at::randn({13, 6})};
  const auto learned = [](at::IntArrayRef shape) { return at::randn(shape).set_requires_grad(true); };
  for (const bool dora : {false, true}) {
    head.adapter = LinearAdapter{
        .a = learned({2, 6}), .b = learned({13, 2}), .scale = 0.5, .off = std::make_shared<const bool>(false)};
    if (dora) head.adapter->magnitude = learned({13});
    const std::vector<at::Tensor> parts = {head.adapter->a, head.adapter->b};
    const auto gradients = [&](const at::Tensor& log_probs) {
      for (const at::Tensor& x : parts) x.mutable_grad() = at::Tensor();
      log_probs.sum().backward();
      return std::vector<at::Tensor>{parts[0].grad().clone(), parts[1].grad().clone()};
    };
    const at::Tensor expected = at::log_softmax(head(hidden), -1).gather(-1, targets.unsqueeze(-1)).squeeze(-1);
    const at::Tensor ours = token_log_probs(hidden, head, targets);
    EXPECT_LT((ours - expected).abs().max().item<float>(), 1e-5);
    const std::vector<at::Tensor> theirs = gradients(expected), own = gradients(ours);
    for (size_t i = 0; i < own.size(); ++i) EXPECT_LT((own[i] - theirs[i]).abs().max().item<float>(), 1e-4) << i;
  }
}

TEST(PackedRows, TargetsStayWithinTheirRows) {
  const std::vector<std::vector<TokenId>> tokens = {{1, 2, 3}, {}, {4}, {5, 6}};
  const PackedRows rows(tokens);
  EXPECT_TRUE(next_tokens(rows.tokens, rows).equal(at::tensor({2L, 3L, -100L, -100L, 6L, -100L})));
  EXPECT_TRUE(rows.positions.equal(at::tensor({0L, 1L, 2L, 0L, 0L, 1L})));
  EXPECT_TRUE(shifted(rows.tokens.unsqueeze(-1), rows).squeeze(-1).equal(at::tensor({0L, 1L, 2L, 0L, 0L, 5L})));
}

}  // namespace
}  // namespace orrery::nn
