// What learns beside a model: DoRA, dropout and LLaMA-Adapters.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/nn/decoder.h"
#include "orrery/nn/from_view.h"
#include "orrery/text/adapters/lora.h"
#include "orrery/text/adapters/new_llama_adapter.h"
#include "tests/text/tiny_model.h"

namespace orrery::nn {
namespace {

using text::TokenId;

/// A linear of 5 outputs and 7 inputs with DoRA of rank 2 and scale 1.5.
Linear dora_linear() {
  const auto learned = [](at::IntArrayRef shape) { return at::randn(shape).set_requires_grad(true); };
  Linear linear{.weight = at::randn({5, 7}), .bias = at::randn({5})};
  linear.adapter = LinearAdapter{.a = learned({2, 7}),
                                 .b = learned({5, 2}),
                                 .scale = 1.5,
                                 .off = std::make_shared<const bool>(false),
                                 .magnitude = learned({5})};
  return linear;
}

TEST(Dora, IsRowsOfTheAdaptedWeightAtOtherLengths) {
  at::manual_seed(1);
  const Linear linear = dora_linear();
  const at::Tensor x = at::randn({3, 7}), &a = linear.adapter->a, &b = linear.adapter->b;
  at::Tensor expected = at::zeros({5, 7}, at::kDouble);
  for (int64_t row = 0; row < 5; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < 7; ++i) {
      double value = linear.weight[row][i].item<double>();
      for (int64_t r = 0; r < 2; ++r) value += 1.5 * b[row][r].item<double>() * a[r][i].item<double>();
      expected[row][i] = value;
      squares += value * value;
    }
    expected[row] *= linear.adapter->magnitude[row].item<double>() / std::sqrt(squares);
  }
  const at::Tensor y = at::matmul(x.to(at::kDouble), expected.t()) + linear.bias;
  EXPECT_LT((linear(x) - y).abs().max().item<double>(), 1e-5);
  EXPECT_LT((linear.merged_weight() - expected).abs().max().item<double>(), 1e-6);
}

/// Differences of m/c ⊙ (W + scale·B A) x, with c = ‖W + scale·B A‖ as it was, in double precision.
TEST(Dora, GradientsTakeTheLengthsOfRowsForConstants) {
  at::manual_seed(2);
  const Linear linear = dora_linear();
  const at::Tensor x = at::randn({3, 7}).set_requires_grad(true), weights = at::randn({3, 5});
  (linear(x) * weights).sum().backward();
  const auto exact = [](const at::Tensor& t) { return t.detach().to(at::kDouble).clone(); };
  std::vector<at::Tensor> values = {exact(linear.adapter->a), exact(linear.adapter->b),
                                    exact(linear.adapter->magnitude), exact(x)};
  const at::Tensor w = exact(linear.weight);
  const auto lengths = [&] { return (w + 1.5 * at::matmul(values[1], values[0])).norm(2, 1); };
  const at::Tensor constant = lengths();
  const auto loss = [&](const at::Tensor& c) {
    const at::Tensor rows = w + 1.5 * at::matmul(values[1], values[0]);
    return (at::matmul(values[3], rows.t()) * (values[2] / c) * weights).sum().item<double>();
  };
  const at::Tensor gradients[] = {linear.adapter->a.grad(), linear.adapter->b.grad(), linear.adapter->magnitude.grad(),
                                  x.grad()};
  bool differs = false;  // from the gradient through the lengths
  for (size_t which = 0; which < values.size(); ++which) {
    double* value = values[which].data_ptr<double>();
    const at::Tensor gradient = gradients[which].contiguous();
    for (int64_t i = 0; i < values[which].numel(); ++i) {
      constexpr double kStep = 1e-5;
      const double before = value[i], ours = gradient.data_ptr<float>()[i];
      value[i] = before + kStep;
      const double above = loss(constant), above_through = loss(lengths());
      value[i] = before - kStep;
      const double below = loss(constant), below_through = loss(lengths());
      value[i] = before;
      EXPECT_NEAR(ours, (above - below) / (2 * kStep), 1e-4) << which << " " << i;
      differs = differs || std::abs(ours - (above_through - below_through) / (2 * kStep)) > 0.05;
    }
  }
  EXPECT_TRUE(differs);
}

TEST(Dropout, LeavesOutItsShareAndKeepsTheMean) {
  const at::Tensor x = at::ones({257, 1001});
  const Dropout dropout{0.3, 7, "step 1"};
  const at::Tensor y = dropout(x, "q_proj");
  const double size = static_cast<double>(x.numel());
  EXPECT_NEAR(y.eq(0).sum().item<double>() / size, 0.3, 4 * std::sqrt(0.3 * 0.7 / size));
  EXPECT_NEAR(y.max().item<float>(), 1 / 0.7, 1e-6);
  EXPECT_TRUE(at::equal(y, dropout(x, "q_proj")));
  EXPECT_FALSE(at::equal(y, dropout(x, "k_proj")));
  EXPECT_FALSE(at::equal(y, (Dropout{0.3, 7, "step 2"}(x, "q_proj"))));
  EXPECT_FALSE(at::equal(y, (Dropout{0.3, 8, "step 1"}(x, "q_proj"))));
  EXPECT_TRUE(at::equal(x, (Dropout{0.3, 7, ""}(x, "q_proj"))));
  EXPECT_TRUE(at::equal(x, (Dropout{0, 7, "step 1"}(x, "q_proj"))));
  const int before = at::get_num_threads();
  at::set_num_threads(before == 1 ? 3 : 1);
  EXPECT_TRUE(at::equal(y, dropout(x, "q_proj")));
  at::set_num_threads(before);
}

class NnAdapters : public testing::Test {
 protected:
  void SetUp() override {
    text::write_tiny_model(folder_.path(), text::tiny_config());
    base_ = text::Checkpoint::open(folder_.path().string());
  }
  static at::Tensor logits(Decoder& decoder, const std::string& dropout = {}) {
    PackedRows rows(kRows);
    rows.dropout = dropout;
    return decoder.logits(decoder.hidden(rows));
  }
  /// Gives every value that learns another one.
  static void disturb(const Decoder& decoder) {
    at::manual_seed(3);
    for (const auto& [name, tensor] : decoder.parameters().all())
      if (tensor.requires_grad()) tensor.data().add_(0.1 * at::randn(tensor.sizes()));
  }
  static std::map<std::string, TensorView> learned(const Decoder& decoder) {
    std::map<std::string, TensorView> views;
    for (const auto& [name, tensor] : decoder.parameters().all())
      if (tensor.requires_grad()) views[name] = view_from_tensor(tensor.detach(), name);
    return views;
  }
  static float difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<float>(); }

  text::TempFolder folder_;
  std::shared_ptr<const text::Checkpoint> base_;
  static inline const std::vector<std::vector<TokenId>> kRows = {{3, 90, 17, 42, 8, 1, 1, 2, 77}, {64, 63, 62}};
};

TEST_F(NnAdapters, NewDoraChangesNothingAndIsReadAsItWasWritten) {
  Decoder plain(*base_);
  const nlohmann::json config = text::peft_config({.lora_r = 4, .use_dora = true}, "base", base_->spec());
  const text::Adapter made = text::new_lora(config, *base_, 1);
  EXPECT_EQ(made.kind, "DoRA");
  Decoder decoder(*base_, &made);
  EXPECT_LT(difference(logits(decoder), logits(plain)), 1e-4);  // roundings of m/‖W‖
  logits(decoder).square().sum().backward();
  const std::string q = "model.layers.0.self_attn.q_proj.";
  for (const char* part : {"lora_B.weight", "lora_magnitude_vector"})
    EXPECT_GT(decoder.parameters().at(q + part).grad().abs().max().item<float>(), 0) << part;

  disturb(decoder);
  EXPECT_GT(difference(logits(decoder), logits(plain)), 0.1);
  text::write_peft(folder_ / "dora", config, base_->spec(), learned(decoder));
  const text::Adapter read = text::bind(text::open_adapter(folder_ / "dora"), base_->spec());
  Decoder reloaded(*base_, &read);
  EXPECT_TRUE(at::equal(logits(reloaded), logits(decoder)));
  decoder.parameters().use_adapter(false);
  EXPECT_TRUE(at::equal(logits(decoder), logits(plain)));
}

TEST_F(NnAdapters, DropoutIsOfNamedPassesAlone) {
  for (const bool dora : {false, true}) {
    const nlohmann::json config = text::peft_config({.lora_r = 4, .use_dora = dora}, "base", base_->spec());
    const text::Adapter adapter = text::new_lora(config, *base_, 1);
    Decoder without(*base_, &adapter), with(*base_, &adapter, {.lora_dropout = 0.5, .seed = 9});
    disturb(without);
    disturb(with);
    EXPECT_TRUE(at::equal(logits(with), logits(without)));
    EXPECT_GT(difference(logits(with, "one"), logits(without)), 1e-2);
    EXPECT_TRUE(at::equal(logits(with, "one"), logits(with, "one")));
    EXPECT_GT(difference(logits(with, "two"), logits(with, "one")), 1e-2);

    std::map<std::string, at::Tensor> gradients;  // computed again, a layer leaves out the same values
    for (const bool checkpointing : {false, true}) {
      with.set_gradient_checkpointing(checkpointing);
      const at::Tensor loss = logits(with, "one").square().sum();
      {
        at::NoGradGuard guard;
        logits(with);  // another pass between
      }
      loss.backward();
      for (const auto& [name, tensor] : with.parameters().all()) {
        if (!tensor.requires_grad()) continue;
        if (checkpointing) {
          EXPECT_TRUE(at::equal(gradients.at(name), tensor.grad())) << name;
        }
        gradients[name] = tensor.grad();
        tensor.mutable_grad() = at::Tensor();
      }
    }
  }
}

TEST_F(NnAdapters, NewLlamaAdaptersChangeNothingAndAreReadAsTheyWereWritten) {
  Decoder plain(*base_);
  for (const auto version : {text::LlamaAdapterVersion::kV1, text::LlamaAdapterVersion::kV2}) {
    const text::Adapter made = text::new_llama_adapter({version, 5, 1}, *base_, 1);
    Decoder decoder(*base_, &made);
    EXPECT_LT(difference(logits(decoder), logits(plain)), 1e-5);
    logits(decoder).square().sum().backward();
    EXPECT_GT(decoder.parameters().at("model.layers.1.self_attn.adaption_gate").grad().abs().max().item<float>(), 0);
    EXPECT_FALSE(decoder.parameters().has("model.layers.0.self_attn.adaption_gate"));

    disturb(decoder);
    EXPECT_GT(difference(logits(decoder), logits(plain)), 1e-2);
    const std::filesystem::path folder = folder_ / std::string(name_of(text::kLlamaAdapterNames, version));
    text::write_llama_adapter(folder, base_->spec(), learned(decoder));
    const text::Adapter read = text::bind(text::open_adapter(folder), base_->spec());
    Decoder reloaded(*base_, &read);
    EXPECT_TRUE(at::equal(logits(reloaded), logits(decoder)));
  }
}

}  // namespace
}  // namespace orrery::nn
