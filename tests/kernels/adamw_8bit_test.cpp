#include "orrery/kernels/adamw_8bit/adamw_8bit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

struct State {
  explicit State(size_t size) : m(size), v(size), m_scales((size + 255) / 256), v_scales(m_scales.size()) {
    std::mt19937 random(3);
    p = random_values(size, random), g = random_values(size, random);
    for (float& value : g) value = std::exp(4 * value);  // magnitudes over all decades
    for (size_t i = 0; i < size; i += 2) g[i] = -g[i];
    for (uint8_t& code : m) code = static_cast<uint8_t>(random());
    for (uint8_t& code : v) code = static_cast<uint8_t>(random());
    for (float& scale : m_scales) scale = std::exp(random_values(1, random)[0]);
    for (float& scale : v_scales) scale = std::exp(random_values(1, random)[0]);
  }
  void step(const AdamWStep& how, size_t first, size_t count) {
    const size_t block = first / kMomentBlock, blocks = (count + kMomentBlock - 1) / kMomentBlock;
    adamw_8bit(how, std::span(p).subspan(first, count), std::span(g).subspan(first, count),
               {std::span(m).subspan(first, count), std::span(m_scales).subspan(block, blocks)},
               {std::span(v).subspan(first, count), std::span(v_scales).subspan(block, blocks)});
  }
  std::vector<float> p, g;
  std::vector<uint8_t> m, v;
  std::vector<float> m_scales, v_scales;
};

// bitsandbytes' create_dynamic_map(signed), by scripts/optimizers.py.
TEST(AdamW8bit, CodesAreDettmersAndOthers) {
  const auto expect = [](const std::array<float, 256>& code, const std::vector<std::pair<size_t, float>>& theirs) {
    for (const auto& [c, value] : theirs) EXPECT_NEAR(code[c], value, 1e-6f * std::fabs(value)) << c;
    EXPECT_TRUE(std::ranges::is_sorted(code));
  };
  expect(dynamic_code(true), {{0, -0.99296874f},
                              {1, -0.97890627f},
                              {63, -0.10703126f},
                              {64, -0.098593749f},
                              {126, -5.5000004e-07f},
                              {127, 0.f},
                              {128, 5.5000004e-07f},
                              {129, 3.2500002e-06f},
                              {130, 7.7499999e-06f},
                              {191, 0.10703126f},
                              {192, 0.12109375f},
                              {254, 0.99296874f},
                              {255, 1.f}});
  expect(dynamic_code(false), {{0, 0.f},
                               {1, 3.2500003e-07f},
                               {63, 0.010703126f},
                               {64, 0.012109376f},
                               {126, 0.099296875f},
                               {127, 0.10351562f},
                               {128, 0.11054687f},
                               {129, 0.11757813f},
                               {130, 0.12460937f},
                               {191, 0.55351567f},
                               {192, 0.56054688f},
                               {254, 0.9964844f},
                               {255, 1.f}});
}

TEST(AdamW8bit, EqualsReference) {
  for (const size_t size : {1, 17, 255, 256, 257, 1000, 5000}) {
    for (const int64_t step : {1, 7, 100000}) {
      const AdamWStep how{.learning_rate = 3e-2, .weight_decay = 0.1, .gradient_scale = 0.7, .step = step};
      State ours(size), expected(size);
      ours.step(how, 0, size);
      adamw_8bit_reference(how, expected.p, expected.g, {expected.m, expected.m_scales},
                           {expected.v, expected.v_scales});
      int64_t others = 0;  // a value half-way between two codes may round to either
      const auto compare = [&](int a, int b) {
        others += a != b;
        ASSERT_LE(std::abs(a - b), 1);
      };
      for (size_t i = 0; i < size; ++i) {
        ASSERT_NEAR(ours.p[i], expected.p[i], 2e-6f * (1 + std::fabs(expected.p[i]))) << size << ", " << i;
        compare(ours.m[i], expected.m[i]);
        compare(ours.v[i], expected.v[i]);
      }
      EXPECT_LE(others, static_cast<int64_t>(size / 500));
      for (size_t i = 0; i < ours.m_scales.size(); ++i) {
        EXPECT_NEAR(ours.m_scales[i], expected.m_scales[i], 1e-6f * expected.m_scales[i]);
        EXPECT_NEAR(ours.v_scales[i], expected.v_scales[i], 1e-6f * expected.v_scales[i]);
      }
    }
  }
}

// Without decay and gradients a step with β = 1 dequantises and quantises: every code is its own nearest.
TEST(AdamW8bit, CodesStayThemselves) {
  State state(256);
  std::ranges::fill(state.g, 0.f);
  for (size_t i = 0; i < 256; ++i) state.m[i] = state.v[i] = static_cast<uint8_t>(i);
  const State before = state;
  state.step({.beta1 = 1 - 1e-12, .beta2 = 1 - 1e-12}, 0, 256);
  EXPECT_EQ(state.m, before.m);
  EXPECT_EQ(state.v, before.v);
}

TEST(AdamW8bit, ACutBetweenBlocksChangesNoBit) {
  State whole(1000), cut(1000);
  whole.step({.step = 3}, 0, 1000);
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 256}, {256, 512}, {768, 232}})
    cut.step({.step = 3}, first, count);
  EXPECT_EQ(whole.p, cut.p);
  EXPECT_EQ(whole.m, cut.m);
  EXPECT_EQ(whole.v, cut.v);
  EXPECT_EQ(whole.m_scales, cut.m_scales);
}

// A gradient that is small beside others of its block leaves a trace in v, so that its √v does not become 0 under an m.
TEST(AdamW8bit, NoSecondMomentIsLost) {
  State state(256);
  std::ranges::fill(state.m, uint8_t{127}), std::ranges::fill(state.v, uint8_t{0});
  std::ranges::fill(state.g, 1e-5f);
  state.g[7] = 1;
  state.step({}, 0, 256);
  for (const uint8_t code : state.v) EXPECT_GE(code, 1);
  EXPECT_EQ(state.v[7], 255);
  EXPECT_EQ(state.v[8], 1);
  const std::vector<float> before = state.p;
  std::ranges::fill(state.g, 0.f);
  state.step({.step = 2}, 0, 256);
  for (size_t i = 0; i < 256; ++i) EXPECT_NEAR(state.p[i], before[i], 2e-3f) << i;  // the rate, and what Adam may add
}

}  // namespace
}  // namespace orrery::kernels
