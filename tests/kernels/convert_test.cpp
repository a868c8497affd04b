#include "orrery/kernels/convert/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace orrery::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of sign, exponent and mantissa bits as IEEE 754 defines them, in double arithmetic: exact for every small format.
double value_of(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const uint32_t exponent = bits >> mantissa_bits & ((1u << exponent_bits) - 1),
                 mantissa = bits & ((1u << mantissa_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                    : std::ldexp((1u << mantissa_bits) + mantissa, static_cast<int>(exponent) - bias - mantissa_bits);
  return bits >> (exponent_bits + mantissa_bits) & 1 ? -magnitude : magnitude;
}

// Floats at, just below and just above every value of a format and every midpoint between two.
template <class ToFloat>
std::vector<float> edges(uint32_t count, ToFloat to_float) {
  std::vector<float> floats;
  for (uint32_t bits = 0; bits + 1 < count; ++bits) {
    const float here = to_float(bits), next = to_float(bits + 1);
    for (float value : {here, static_cast<float>((static_cast<double>(here) + next) / 2)}) {
      if (!std::isfinite(value)) continue;
      for (float near : {value, std::nextafter(value, -kInfinity), std::nextafter(value, kInfinity)})
        floats.push_back(near);
    }
  }
  return floats;
}

// The nearest of the format's finite values, ties to the even code, found by looking at the neighbours in double.
template <class ToFloat>
uint32_t nearest_code(float value, uint32_t count, ToFloat to_float) {
  const double magnitude = std::fabs(static_cast<double>(value));
  uint32_t low = 0, high = count - 1;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    (to_float(middle) <= magnitude ? low : high) = middle;
  }
  const double below = magnitude - to_float(low), above = to_float(high) - magnitude;
  return below < above ? low : above < below ? high : (low % 2 == 0 ? low : high);
}

}  // namespace

TEST(Convert, HalfHasIeeeValues) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    if ((bits & 0x7fff) < 0x7c00) {
      ASSERT_EQ(static_cast<double>(value), value_of(bits, 5, 10)) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    } else if ((bits & 0x7fff) == 0x7c00) {
      ASSERT_EQ(value, bits == 0x7c00 ? kInfinity : -kInfinity);
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(value), (bits & 0x8000) << 16 | 0x7fc00000 | (bits & 0x3ff) << 13) << bits;
    }
    ASSERT_EQ(f32_to_f16(value), (bits & 0x7fff) > 0x7c00 ? bits | 0x200 : bits) << bits;
  }
}

TEST(Convert, RoundsToTheNearestHalf) {
  const auto half = [](uint32_t bits) { return f16_to_f32(static_cast<uint16_t>(bits)); };
  for (float value : edges(0x7c00, half))
    ASSERT_EQ(f32_to_f16(value) & 0x7fff, nearest_code(value, 0x7c00, half)) << value;
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-3e38f), 0xfc00);
  EXPECT_EQ(f32_to_f16(-1e-10f), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::signaling_NaN()) & 0x7e00, 0x7e00);
}

TEST(Convert, Bfloat16IsTheUpperHalfRounded) {
  EXPECT_EQ(bf16_to_f32(0x3f80), 1.0f);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // a tie: to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(3.4e38f), 0x7f80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);  // a NaN whose payload lies below stays one
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x00018000u)), 0x0002);  // denormals are kept
}

TEST(Convert, EightBitFloatsHaveTheirTables) {
  for (uint32_t bits = 0; bits < 256; ++bits) {
    const float e4m3 = f8e4m3_to_f32(static_cast<uint8_t>(bits)), e5m2 = f8e5m2_to_f32(static_cast<uint8_t>(bits));
    if ((bits & 127) == 127) {
      EXPECT_TRUE(std::isnan(e4m3));
    } else {
      EXPECT_EQ(static_cast<double>(e4m3), value_of(bits, 4, 3)) << bits;
      EXPECT_EQ(f32_to_f8e4m3(e4m3), bits);
    }
    if ((bits & 127) < 124) {
      EXPECT_EQ(static_cast<double>(e5m2), value_of(bits, 5, 2)) << bits;
      EXPECT_EQ(f32_to_f8e5m2(e5m2), bits);
    }
  }
  EXPECT_EQ(f8e4m3_to_f32(0x7e), 448.0f);
  EXPECT_EQ(f8e5m2_to_f32(0xfc), -kInfinity);
}

TEST(Convert, RoundsToTheNearestEightBitFloat) {
  const auto e4m3 = [](uint32_t bits) { return f8e4m3_to_f32(static_cast<uint8_t>(bits)); };
  const auto e5m2 = [](uint32_t bits) { return f8e5m2_to_f32(static_cast<uint8_t>(bits)); };
  for (float value : edges(127, e4m3)) EXPECT_EQ(f32_to_f8e4m3(value) & 127, nearest_code(value, 127, e4m3)) << value;
  for (float value : edges(124, e5m2)) EXPECT_EQ(f32_to_f8e5m2(value) & 127, nearest_code(value, 124, e5m2)) << value;
  EXPECT_EQ(f32_to_f8e4m3(464.0f), 0x7e);  // a tie with the NaN above 448: to even
  EXPECT_EQ(f32_to_f8e4m3(464.1f), 0x7f);
  EXPECT_EQ(f32_to_f8e4m3(-kInfinity), 0xff);
  EXPECT_EQ(f32_to_f8e5m2(61439.0f), 0x7b);
  EXPECT_EQ(f32_to_f8e5m2(61440.0f), 0x7c);
  EXPECT_EQ(f32_to_f8e5m2(std::nanf("")), 0x7f);
}

TEST(Convert, BulkEqualsOneByOne) {
  std::mt19937 random(5);
  for (size_t count : {0, 1, 3, 4, 7, 8, 9, 15, 16, 31, 33, 1000}) {
    std::vector<uint32_t> bits(count + 1);
    for (uint32_t& word : bits)
      word = random() % 2 ? random() : 0x3f000000 + random() % 0x800000;  // any, or of ordinary size
    std::vector<float> floats(count), back(count);
    for (size_t i = 0; i < count; ++i) floats[i] = std::bit_cast<float>(bits[i]);
    std::vector<uint16_t> words(count + 1);
    const std::span<uint16_t> unaligned(reinterpret_cast<uint16_t*>(reinterpret_cast<std::byte*>(words.data()) + 1),
                                        count);
    const auto word = [&](size_t i) {
      uint16_t value;
      std::memcpy(&value, reinterpret_cast<const std::byte*>(unaligned.data()) + 2 * i, 2);
      return value;
    };
    f32_to_f16(floats, unaligned);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(word(i), f32_to_f16(floats[i])) << floats[i];
    f16_to_f32(unaligned, back);
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(f16_to_f32(word(i))));
    f32_to_bf16(floats, unaligned);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(word(i), f32_to_bf16(floats[i]));
    bf16_to_f32(unaligned, back);
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(bf16_to_f32(word(i))));
  }
}

}  // namespace orrery::kernels
