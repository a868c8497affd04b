#include "orrery/kernels/short_conv/short_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

TEST(ShortConv, EqualsReferenceInPiecesToo) {
  std::mt19937 random(1);
  constexpr int64_t kTokens = 9;
  for (int64_t width : {1, 2, 3, 4}) {
    for (int64_t channels : {1, 3, 16, 17, 35}) {  // below, at and past one and two vectors
      const auto x = random_values(kTokens * channels, random), weight = random_values(width * channels, random),
                 bias = random_values(channels, random);
      const ShortFilter filter{width, channels, channels, weight.data(), bias.data()};
      std::vector<float> zeros((width - 1) * channels), expected(x.size());
      short_conv_reference(filter, kTokens, x.data(), channels, zeros.data(), channels, expected.data(), channels);
      for (int64_t piece : {1, 2, 5, 9}) {
        std::vector<float> before = zeros, y(x.size());
        for (int64_t t = 0; t < kTokens; t += piece) {
          const int64_t tokens = std::min(piece, kTokens - t);
          const float* part = x.data() + t * channels;
          short_conv(filter, tokens, part, channels, before.data(), channels, y.data() + t * channels, channels);
          short_conv_carry(filter, tokens, part, channels, before.data(), channels);
        }
        for (size_t i = 0; i < y.size(); ++i)
          ASSERT_NEAR(y[i], expected[i], 2e-6f)
              << "width " << width << ", channels " << channels << ", piece " << piece;
      }
    }
  }
}

// The equation by hand: 3 taps, one channel, inputs 1 2 3.
TEST(ShortConv, NewestInputMeetsTheLastTap) {
  const float weight[] = {100, 10, 1}, bias[] = {0.5f}, x[] = {1, 2, 3}, before[] = {0, 0};
  float y[3];
  short_conv({3, 1, 1, weight, bias}, 3, x, 1, before, 1, y, 1);
  EXPECT_FLOAT_EQ(y[0], 1.5f);
  EXPECT_FLOAT_EQ(y[1], 12.5f);
  EXPECT_FLOAT_EQ(y[2], 123.5f);
}

}  // namespace
}  // namespace orrery::kernels
