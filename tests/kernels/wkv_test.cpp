#include "orrery/kernels/wkv/wkv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace orrery::kernels {
namespace {

using Values = std::vector<float>;

/// Everything a head can be given, for `tokens` tokens, rows `stride` floats apart (more than the head has).
struct Inputs {
  Inputs(int64_t s, int64_t tokens, int seed) : size(s), stride(s + 5), random(seed) {
    for (Values* values : {&r, &k, &v, &a, &b, &decay}) values->resize(tokens * stride);
    for (Values* values : {&r, &k, &v}) fill(*values, -1, 1);
    fill(decay, 0.55f, 1);
    fill(a, -1, 1);
    for (int64_t t = 0; t < tokens; ++t) {  // RWKV-7's a is a unit vector, b its opposite times a rate
      float squares = 0;
      for (int64_t i = 0; i < size; ++i) squares += a[t * stride + i] * a[t * stride + i];
      for (int64_t i = 0; i < size; ++i) {
        a[t * stride + i] /= std::sqrt(squares);
        b[t * stride + i] = -a[t * stride + i] * std::uniform_real_distribution<float>(0, 1)(random);
      }
    }
    bonus.resize(size);
    fill(bonus, -1, 1);
    fade.resize(size);
    fill(fade, -3, -0.01f);
  }
  void fill(Values& values, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    for (float& value : values) value = draw(random);
  }
  TokenRows of(const Values& values, int64_t first = 0) const { return {values.data() + first * stride, stride}; }
  Wkv5Head head5(int64_t first = 0) const {
    return {of(r, first), of(k, first), of(v, first), of(decay, first), bonus};
  }
  Wkv7Head head7(int64_t first = 0) const {
    return {of(r, first), of(decay, first), of(k, first), of(v, first), of(a, first), of(b, first)};
  }

  int64_t size, stride;
  std::mt19937 random;
  Values r, k, v, a, b, decay, bonus, fade;
};

constexpr int64_t kTokens = 37;
constexpr int64_t kSizes[] = {4, 8, 16, 20, 32, 64, 80, 128};  // below, at and between vectors; what models have

/// Sums of `size` products of numbers below about 2, rounded to float32 at each of 37 steps.
void expect_near(const Values& ours, const Values& expected, int64_t size) {
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i)
    ASSERT_NEAR(ours[i], expected[i], 1e-6f * size * (std::fabs(expected[i]) + 0.5f)) << size << ", " << i;
}

TEST(Wkv4, EqualsReference) {
  for (const int64_t size : {1, 7, 16, 17, 48, 100}) {
    Inputs in(size, kTokens, 1);
    for (float& key : in.k) key *= 40;  // e^40 twice over would not fit a float
    const auto run = [&](auto wkv, Values& state) {
      Values y(kTokens * size);
      const auto part = [&](int n) { return std::span(state).subspan(n * size, size); };
      wkv(in.of(in.k), in.of(in.v), in.fade, in.bonus, kTokens, Wkv4State{part(0), part(1), part(2)},
          TokenRowsOut{y.data(), size});
      return y;
    };
    Values ours(3 * size), expected(3 * size);
    std::fill(ours.begin() + 2 * size, ours.end(), -1e30f);
    expected = ours;
    expect_near(run(wkv4, ours), run(wkv4_reference, expected), 1);
    for (int64_t c = 0; c < size; ++c) {
      ASSERT_NEAR(ours[c], expected[c], 4e-6f * (1 + std::fabs(expected[c]))) << size;
      ASSERT_NEAR(ours[size + c], expected[size + c], 4e-6f * (1 + expected[size + c])) << size;
      ASSERT_NEAR(ours[2 * size + c], expected[2 * size + c], 1e-5f) << size;
    }
  }
}

// With decay 0 and bonus 0, and keys all alike, it is the running mean.
TEST(Wkv4, AveragesWhatItHasSeen) {
  const Values k = {3, 3, 3}, v = {1, 5, 9}, zero = {0};
  Values num = {0}, den = {0}, largest = {-1e30f}, y(3);
  wkv4({k.data(), 1}, {v.data(), 1}, zero, zero, 3, {num, den, largest}, {y.data(), 1});
  EXPECT_FLOAT_EQ(y[0], 1);
  EXPECT_FLOAT_EQ(y[1], 3);
  EXPECT_FLOAT_EQ(y[2], 5);
}

TEST(Wkv5, EqualsReference) {
  for (const int64_t size : kSizes) {
    for (const bool per_token : {false, true}) {  // RWKV-6's decay, RWKV-5.2's
      const Inputs in(size, kTokens, 2);
      Wkv5Head head = in.head5();
      if (!per_token) head.decay.stride = 0;
      Values ours(size * size, 0.25f), expected = ours, y(kTokens * size), expected_y = y;
      wkv5(head, kTokens, ours, {y.data(), size});
      wkv5_reference(head, kTokens, expected, {expected_y.data(), size});
      expect_near(y, expected_y, size);
      expect_near(ours, expected, size);
    }
  }
}

TEST(Wkv7, EqualsReference) {
  for (const int64_t size : kSizes) {
    const Inputs in(size, kTokens, 3);
    Values ours(size * size, 0.25f), expected = ours, y(kTokens * size), expected_y = y;
    wkv7(in.head7(), size, kTokens, ours, {y.data(), size});
    wkv7_reference(in.head7(), size, kTokens, expected, {expected_y.data(), size});
    expect_near(y, expected_y, size);
    expect_near(ours, expected, size);
  }
}

// The delta rule (sec. 4): with decay 1 and rate 1, writing a value under a key that is there already replaces it.
TEST(Wkv7, ReplacesWhatAKeyHeld) {
  constexpr int64_t kSize = 16;
  Values key(kSize), minus(kSize), one(kSize, 1), value(2 * kSize), y(2 * kSize), state(kSize * kSize);
  key[3] = 0.6f, key[9] = 0.8f;
  for (int64_t i = 0; i < kSize; ++i) minus[i] = -key[i], value[i] = i, value[kSize + i] = 100 - i;
  wkv7({{key.data(), 0}, {one.data(), 0}, {key.data(), 0}, {value.data(), kSize}, {minus.data(), 0}, {key.data(), 0}},
       kSize, 2, state, {y.data(), kSize});
  for (int64_t i = 0; i < kSize; ++i) {
    EXPECT_NEAR(y[i], i, 1e-4f);
    EXPECT_NEAR(y[kSize + i], 100 - i, 1e-4f);
  }
}

// A prompt in pieces is a prompt: bit for bit, since every token does the same.
TEST(Wkv, StateCarriesOn) {
  constexpr int64_t kSize = 64, kFirst = 11;
  const Inputs in(kSize, kTokens, 4);
  Values whole5(kSize * kSize), whole7 = whole5, parts5 = whole5, parts7 = whole5;
  Values y5(kTokens * kSize), y7 = y5, z5 = y5, z7 = y5;
  const auto at = [](Values& y, int64_t token) { return TokenRowsOut{y.data() + token * kSize, kSize}; };
  wkv5(in.head5(), kTokens, whole5, at(y5, 0));
  wkv7(in.head7(), kSize, kTokens, whole7, at(y7, 0));
  wkv5(in.head5(), kFirst, parts5, at(z5, 0));
  wkv5(in.head5(kFirst), kTokens - kFirst, parts5, at(z5, kFirst));
  wkv7(in.head7(), kSize, kFirst, parts7, at(z7, 0));
  wkv7(in.head7(kFirst), kSize, kTokens - kFirst, parts7, at(z7, kFirst));
  EXPECT_EQ(y5, z5);
  EXPECT_EQ(y7, z7);
  EXPECT_EQ(whole5, parts5);
  EXPECT_EQ(whole7, parts7);
}

}  // namespace
}  // namespace orrery::kernels
