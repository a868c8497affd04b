// Operations in one pass against the same in plain tensor operations, values and gradients.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "orrery/nn/gated_product.h"
#include "orrery/nn/half_linear.h"
#include "orrery/nn/normed_products.h"
#include "orrery/nn/packed_attention.h"
#include "orrery/nn/packed_rows.h"
#include "orrery/nn/rms_norm.h"
#include "orrery/nn/rotary.h"
#include "orrery/nn/silu_gate.h"

namespace orrery::nn {
namespace {

using Operation = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

struct Result {
  at::Tensor value;
  std::vector<at::Tensor> gradients;
};

Result run(const Operation& f, const std::vector<at::Tensor>& values) {
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& value : values) inputs.push_back(value.clone().set_requires_grad(true));
  const at::Tensor y = f(inputs);
  at::manual_seed(7);
  y.backward(at::randn_like(y));
  Result result{y.detach(), {}};
  for (const at::Tensor& input : inputs) result.gradients.push_back(input.grad());
  return result;
}

void expect_equal(const Operation& fused, const Operation& plain, const std::vector<at::Tensor>& values) {
  const Result ours = run(fused, values), expected = run(plain, values);
  EXPECT_LT((ours.value - expected.value).abs().max().item<float>(), 2e-6f);
  for (size_t i = 0; i < values.size(); ++i) {
    const float largest = expected.gradients[i].abs().max().item<float>();
    EXPECT_LT((ours.gradients[i] - expected.gradients[i]).abs().max().item<float>(), 4e-6f * (1 + largest)) << i;
  }
}

TEST(Fused, RmsNormIsItsEquation) {
  at::manual_seed(1);
  for (const int64_t rows : {1, 64, 65, 200})
    expect_equal([](const auto& in) { return rms_norm(in[0], in[1], 1e-5); },
                 [](const auto& in) { return in[0] * at::rsqrt(in[0].square().mean(-1, true) + 1e-5) * in[1]; },
                 {at::randn({rows, 3, 33}), at::randn({33})});
}

TEST(Fused, RmsNormsGradientDoesNotDependOnThreads) {
  at::manual_seed(2);
  const std::vector<at::Tensor> values{at::randn({700, 64}), at::randn({64})};
  const Operation norm = [](const auto& in) { return rms_norm(in[0], in[1], 1e-5); };
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Result alone = run(norm, values);
  at::set_num_threads(3);
  const Result together = run(norm, values);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(alone.gradients[1], together.gradients[1]));
}

TEST(Fused, SiluGateIsItsEquation) {
  at::manual_seed(3);
  const at::Tensor wide = at::randn({300, 130});  // halves of rows: not contiguous
  expect_equal([](const auto& in) { return silu_gate(in[0].narrow(1, 0, 65), in[0].narrow(1, 65, 65)); },
               [](const auto& in) { return at::silu(in[0].narrow(1, 0, 65)) * in[0].narrow(1, 65, 65); }, {wide});
}

at::Tensor side_by_side(const std::vector<at::Tensor>& parts) { return at::cat(parts, -1); }

const std::vector<int64_t> kOutputs{12, 5, 7};

/// x, the norm's weights, and the first `count` matrices.
std::vector<at::Tensor> normed_inputs(size_t count) {
  at::manual_seed(5);
  std::vector<at::Tensor> values{at::randn({70, 24}), at::rand({24}) + 0.5};
  for (size_t i = 0; i < count; ++i) values.push_back(at::randn({kOutputs[i], 24}) / 5);
  return values;
}

Operation normed(bool half) {
  return [half](const auto& in) {
    return side_by_side(normed_products(in[0], in[1], 1e-5, {in.begin() + 2, in.end()}, half));
  };
}

TEST(Fused, NormedProductsAreProductsOfTheNorm) {
  const Operation plain = [](const auto& in) {
    const at::Tensor read = rms_norm(in[0], in[1], 1e-5);
    std::vector<at::Tensor> products;
    for (size_t i = 2; i < in.size(); ++i) products.push_back(at::linear(read, in[i]));
    return side_by_side(products);
  };
  for (const size_t count : {1, 2, 3}) expect_equal(normed(false), plain, normed_inputs(count));
}

/// Equal but for sums that are rounded to bfloat16 once more or less.
void expect_near_in_half(const Operation& fused, const Operation& plain, const std::vector<at::Tensor>& values) {
  const Result ours = run(fused, values), expected = run(plain, values);
  EXPECT_TRUE(at::equal(ours.value, expected.value));
  for (size_t i = 0; i < values.size(); ++i) {
    const at::Tensor apart = (ours.gradients[i] - expected.gradients[i]).abs();
    EXPECT_LT(apart.max().item<float>(), expected.gradients[i].abs().max().item<float>() / 128) << i;
  }
}

TEST(Fused, NormedProductsInHalfAreThoseOfHalfLinear) {
  const Operation plain = [](const auto& in) {
    const at::Tensor read = rms_norm(in[0], in[1], 1e-5);
    std::vector<at::Tensor> products;
    for (size_t i = 2; i < in.size(); ++i) products.push_back(half_linear(read, in[i]));
    return side_by_side(products);
  };
  for (const size_t count : {1, 2, 3}) expect_near_in_half(normed(true), plain, normed_inputs(count));
}

std::vector<at::Tensor> gated_inputs() {
  at::manual_seed(6);
  const auto rounded = [](const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); };
  return {rounded(at::randn({70, 24})), rounded(at::randn({70, 24})), at::randn({9, 24}) / 5};
}

TEST(Fused, GatedProductIsTheProductOfTheGate) {
  expect_equal([](const auto& in) { return gated_product(in[0], in[1], in[2], {}); },
               [](const auto& in) { return at::linear(at::silu(in[0]) * in[1], in[2]); }, gated_inputs());
}

TEST(Fused, GatedProductInHalfIsThatOfHalfLinear) {
  const Operation plain = [](const auto& in) { return half_linear(silu_gate(in[0], in[1]), in[2]); };
  for (const bool are_rounded : {false, true})
    expect_near_in_half(
        [&](const auto& in) {
          return gated_product(in[0], in[1], in[2], {true, are_rounded});
        },
        plain, gated_inputs());
}

TEST(Fused, RotaryTurnsPairsThatLieHalfApart) {
  at::manual_seed(4);
  const PackedRows rows(std::vector<std::vector<text::TokenId>>{{1, 2, 3, 4, 5}, {6, 7}});
  const int64_t dim = 6, head = 10;
  const text::RopeSpec spec{.theta = 100, .dim = dim, .layout = text::RopeLayout::kHalf};
  const RotaryAngles angles(spec, rows);
  const auto plain = [&](const std::vector<at::Tensor>& in) {
    const at::Tensor frequency = at::pow(100.0, -2 * at::arange(dim / 2, at::kDouble) / dim);
    const at::Tensor angle = (rows.positions.to(at::kDouble).unsqueeze(-1) * frequency).unsqueeze(1);
    const at::Tensor cos = angle.cos().to(at::kFloat), sin = angle.sin().to(at::kFloat);
    const at::Tensor a = in[0].narrow(-1, 0, dim / 2), b = in[0].narrow(-1, dim / 2, dim / 2);
    return at::cat({a * cos - b * sin, b * cos + a * sin, in[0].narrow(-1, dim, head - dim)}, -1);
  };
  expect_equal([&](const auto& in) { return angles.turn(in[0]); }, plain, {at::randn({rows.size(), 2, head})});
}

// Where q, k and v are numbers of bfloat16 they are kept as such, which must lose nothing.
TEST(Fused, AttentionTurnsWhatItReads) {
  at::manual_seed(5);
  const PackedRows rows(std::vector<std::vector<text::TokenId>>{{1, 2, 3, 4, 5}, {6, 7}});
  const RotaryAngles angles({.theta = 100, .dim = 6, .layout = text::RopeLayout::kHalf}, rows);
  const auto plain = [&](const std::vector<at::Tensor>& in) {
    return packed_attention(angles.turn(in[0]), angles.turn(in[1]), in[2], rows, {.scale = 0.3});
  };
  const auto rounded = [&](int64_t heads) {
    return at::randn({rows.size(), heads, 10}).to(at::kBFloat16).to(at::kFloat);
  };
  for (const bool are_rounded : {false, true})
    expect_equal(
        [&](const auto& in) {
          return packed_attention(in[0], in[1], in[2], rows,
                                  {.scale = 0.3, .angles = &angles, .are_rounded = are_rounded});
        },
        plain, {rounded(4), rounded(2), rounded(2)});
}

}  // namespace
}  // namespace orrery::nn
