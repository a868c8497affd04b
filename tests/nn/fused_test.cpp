// Operations in one pass against the same in plain tensor operations, values and gradients.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace orrery::nn
