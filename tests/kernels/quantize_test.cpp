// Blocks equal to gguf's and ggml's byte for byte where they take no search, and as close to the values where they do.
#include "orrery/kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "orrery/base/error.h"
#include "tests/kernels/quantize_fixture.h"

namespace orrery::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<DType> writable_types() {
  std::vector<DType> types;
  for (int index = 0; index < static_cast<int>(DType::kCount); ++index) {
    if (can_quantize(static_cast<DType>(index))) types.push_back(static_cast<DType>(index));
  }
  return types;
}

void expect_bytes(const std::string& type, const std::string& file) {
  const std::vector<float> values = fixture_floats("values.floats");
  const std::vector<std::byte> expected = fixture_bytes(file);
  const std::vector<std::byte> blocks = quantized(dtype_from_name(type), values);
  ASSERT_EQ(blocks.size(), expected.size()) << file;
  for (size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(static_cast<int>(blocks[i]), static_cast<int>(expected[i]))
        << file << " byte " << i << ", block " << i / info(dtype_from_name(type)).block_bytes;
  }
}

// Root mean square, each error weighted by its column's importance.
double error_of(DType type, std::span<const std::byte> blocks, std::span<const float> values,
                std::span<const float> importance = {}) {
  const std::vector<float> back = dequantized(type, blocks);
  double sum = 0, weights = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double weight = importance.empty() ? 1 : importance[i % importance.size()];
    sum += weight * (back[i] - values[i]) * (back[i] - values[i]);
    weights += weight;
  }
  return std::sqrt(sum / weights);
}

}  // namespace

TEST(Quantize, EqualsGgufByteForByte) {
  for (const char* type : {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "tq1_0", "tq2_0", "mxfp4", "bf16", "f16"}) {
    expect_bytes(type, std::string(type) + ".gguf");
  }
}

TEST(Quantize, EqualsGgmlByteForByteInWhatGgufLacks) {
  for (const char* type : {"q8_1", "q8_k", "nvfp4"}) expect_bytes(type, std::string(type) + ".ggml");
}

// The searches are ours: what counts is that they find scales as good as llama.cpp's (quantize_row_*_ref of ggml).
TEST(Quantize, SearchesAsWellAsLlamaCpp) {
  for (const char* data : {"gaussian", "weights"}) {
    const std::vector<float> values = fixture_floats(std::string(data) + ".floats");
    for (const char* type : {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs"}) {
      const DType dtype = dtype_from_name(type);
      const double theirs = error_of(dtype, fixture_bytes(std::string(type) + "." + data), values);
      const double ours = error_of(dtype, quantized(dtype, values), values);
      EXPECT_LE(ours, 1.01 * theirs) << type << " on " << data;
      RecordProperty(std::string(type) + "_" + data, std::to_string(ours / theirs));
    }
  }
}

TEST(Quantize, WeighsByImportanceAsWellAsLlamaCpp) {
  const std::vector<float> values = fixture_floats("weights.floats"), importance = fixture_floats("importance.floats");
  for (const char* type :
       {"q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs"}) {
    const DType dtype = dtype_from_name(type);
    const double theirs = error_of(dtype, fixture_bytes(std::string(type) + ".weighted"), values, importance);
    const double ours = error_of(dtype, quantized(dtype, values, importance), values, importance);
    EXPECT_LE(ours, 1.01 * theirs) << type;
    RecordProperty(std::string(type) + "_weighted", std::to_string(ours / theirs));
    EXPECT_LT(ours, error_of(dtype, quantized(dtype, values), values, importance))
        << type << " gains nothing from weights";
  }
}

// Sums are taken in one order whatever the vectors' width: set ORRERY_ISA, or run on another processor, and see the
// same.
TEST(Quantize, GivesTheSameBytesOnEveryInstructionSet) {
  const std::pair<const char*, uint64_t> digests[] = {
      {"q4_0", 0x953627ced41bc1a9ull},   {"q4_1", 0xafc98a1c612c4220ull},  {"q5_0", 0x8e8a14798c57a9f1ull},
      {"q5_1", 0x728ad9b0aeb634aull},    {"q2_k", 0x22a7d2b673c33be1ull},  {"q3_k", 0xf081db736976eb73ull},
      {"q4_k", 0x8be9e05da495e383ull},   {"q5_k", 0xbb5a8b3f18ed4ecull},   {"q6_k", 0x4d8474639e6ffa96ull},
      {"iq4_nl", 0x725a238d3a8d3aa1ull}, {"iq4_xs", 0x878d6a8095c380b5ull}};
  const std::vector<float> values = fixture_floats("gaussian.floats"), importance = fixture_floats("importance.floats");
  for (const auto& [type, digest] : digests) {
    uint64_t hash = 0xCBF29CE484222325;
    for (std::span<const float> weights : {std::span<const float>(), std::span<const float>(importance)}) {
      for (std::byte byte : quantized(dtype_from_name(type), values, weights)) {
        hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001B3;
      }
    }
    EXPECT_EQ(hash, digest) << type;
  }
}

TEST(Quantize, ErrsByAStepAtMost) {
  // Largest error over the block's largest magnitude: half of one step where the steps divide the range evenly, and the
  // scale's own rounding (2^-11 for binary16). Ternary's step is the scale; e4m3 and e2m1 round within a binade. The
  // types that search may clip the largest value by about a step.
  const std::pair<DType, double> bounds[] = {
      {DType::kF32, 0},        {DType::kF16, 0.0005},  {DType::kBF16, 0.004},  {DType::kF8E4M3, 0.0625},
      {DType::kF8E5M2, 0.125}, {DType::kQ8_0, 0.0045}, {DType::kQ8_1, 0.0045}, {DType::kQ8_K, 0.004},
      {DType::kQ4_0, 0.126},   {DType::kQ4_1, 0.068},  {DType::kQ5_0, 0.064},  {DType::kQ5_1, 0.034},
      {DType::kTQ1_0, 0.501},  {DType::kTQ2_0, 0.501}, {DType::kMXFP4, 0.34},  {DType::kNVFP4, 0.24},
      {DType::kQ2_K, 0.6},     {DType::kQ3_K, 0.3},    {DType::kQ4_K, 0.15},   {DType::kQ5_K, 0.08},
      {DType::kQ6_K, 0.03},    {DType::kIQ4_NL, 0.15}, {DType::kIQ4_XS, 0.16}};
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(256 * 64);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = normal(random) * std::exp2(static_cast<float>(i / 256 % 8) - 4);
  ASSERT_EQ(std::size(bounds), writable_types().size());
  for (const auto& [type, bound] : bounds) {
    const std::vector<float> back = dequantized(type, quantized(type, values));
    double worst = 0;
    for (size_t block = 0; block < values.size(); block += 256) {
      float largest = 0, error = 0;
      for (size_t i = block; i < block + 256; ++i) {
        largest = std::max(largest, std::fabs(values[i]));
        error = std::max(error, std::fabs(back[i] - values[i]));
      }
      worst = std::max<double>(worst, error / largest);
    }
    EXPECT_LE(worst, bound) << name(type);
    EXPECT_GE(worst, bound / 3) << name(type) << ": the bound says nothing";
  }
}

TEST(Quantize, KeepsZerosAndConstants) {
  for (DType type : writable_types()) {
    for (float constant : {0.0f, 1.0f, -1.0f, 0.34f, -12.0f}) {
      const std::vector<float> values(512, constant), importance(256, 2.0f);
      for (std::span<const float> weights : {std::span<const float>(), std::span<const float>(importance)}) {
        for (float value : dequantized(type, quantized(type, values, weights))) {
          // A constant block is its largest magnitude or its minimum, so only scales round: e2m1 and FP8 keep fewest
          // bits.
          const bool coarse =
              type == DType::kMXFP4 || type == DType::kNVFP4 || type == DType::kF8E4M3 || type == DType::kF8E5M2;
          ASSERT_NEAR(value, constant, std::fabs(constant) * (coarse ? 0.17f : 0.02f)) << name(type);
        }
      }
    }
  }
}

TEST(Quantize, MakesFiniteBlocksOfAnything) {
  std::mt19937 random(11);
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(),
                       kInfinity,
                       -kInfinity,
                       3.4e38f,
                       -3.4e38f,
                       1e-45f,
                       -1e-45f,
                       1e-38f,
                       0.0f,
                       -0.0f,
                       65504.0f,
                       1e20f,
                       -1e9f,
                       1e-20f,
                       1.0f,
                       -1.0f};
  for (DType type : writable_types()) {
    if (!is_block_type(type)) continue;
    for (int round = 0; round < 200; ++round) {
      std::vector<float> values(256), importance(256);
      for (float& value : values) value = odd[random() % (round % 2 ? std::size(odd) : 9)];
      for (float& weight : importance) weight = odd[random() % std::size(odd)];
      for (std::span<const float> weights : {std::span<const float>(), std::span<const float>(importance)}) {
        for (float value : dequantized(type, quantized(type, values, weights))) {
          ASSERT_TRUE(std::isfinite(value)) << name(type) << " round " << round;
        }
      }
    }
  }
}

TEST(Quantize, CountsNanAsZeroAndBoundsInfinity) {
  std::vector<float> values(256, 0.0f);
  values[0] = kInfinity;
  values[1] = std::numeric_limits<float>::quiet_NaN();
  values[2] = -kInfinity;
  const std::vector<float> back = dequantized(DType::kQ8_0, quantized(DType::kQ8_0, values));
  EXPECT_NEAR(back[0], 65504, 32);
  EXPECT_EQ(back[1], 0);
  EXPECT_NEAR(back[2], -65504, 32);
  const std::vector<float> kept = dequantized(DType::kF16, quantized(DType::kF16, values));
  EXPECT_EQ(kept[0], kInfinity);
  EXPECT_TRUE(std::isnan(kept[1]));
}

TEST(Quantize, ScalesBeyondBinary16Saturate) {
  const std::vector<float> back = dequantized(DType::kQ4_0, quantized(DType::kQ4_0, std::vector<float>(32, 1e8f)));
  EXPECT_EQ(back[0], 65504.0f * 8);
}

TEST(Quantize, TreatsRowsAlikeAndAlone) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> values(4 * 512), importance(512);
  for (float& value : values) value = normal(random);
  for (float& weight : importance) weight = std::fabs(normal(random));
  for (DType type : writable_types()) {
    const std::vector<std::byte> whole = quantized(type, values, importance);
    std::vector<std::byte> rows;
    for (size_t row = 0; row < 4; ++row) {
      const std::vector<std::byte> one = quantized(type, std::span(values).subspan(row * 512, 512), importance);
      rows.insert(rows.end(), one.begin(), one.end());
    }
    EXPECT_EQ(whole, rows) << name(type);
  }
}

TEST(Quantize, QuantisesItsOwnValuesToThemselves) {
  // What a block can say exactly is found again, or a requantised file would drift. The searches may choose another
  // exact block.
  const std::vector<float> values = fixture_floats("gaussian.floats");
  for (const char* type : {"q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q8_k", "tq1_0", "tq2_0", "f16", "bf16", "q6_k"}) {
    const DType dtype = dtype_from_name(type);
    const std::vector<float> once = dequantized(dtype, quantized(dtype, values));
    const double twice = error_of(dtype, quantized(dtype, once), once),
                 first = error_of(dtype, quantized(dtype, values), values);
    EXPECT_LE(twice, 0.25 * first) << type;
  }
}

TEST(Quantize, RefusesWhatItCannotDo) {
  std::vector<float> values(256);
  std::vector<std::byte> blocks(1024);
  EXPECT_FALSE(can_quantize(DType::kIQ2_XXS));
  EXPECT_FALSE(can_quantize(DType::kI8));
  EXPECT_THROW(quantize(DType::kIQ2_XXS, values, std::span(blocks).first(66)), Error);
  EXPECT_THROW(quantize(DType::kQ4_K, values, std::span(blocks).first(143)), Error);
  EXPECT_THROW(quantize(DType::kQ4_K, std::span(values).first(255), std::span(blocks).first(144)), Error);
  EXPECT_THROW(quantize(DType::kQ4_K, values, std::span(blocks).first(144), std::span(values).first(128)), Error);
  EXPECT_NO_THROW(quantize(DType::kQ4_K, values, std::span(blocks).first(144), values));
}

}  // namespace orrery::kernels
