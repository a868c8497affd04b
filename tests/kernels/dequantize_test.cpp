// Values equal to the `gguf` package's, bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "tests/kernels/quantize_fixture.h"

namespace orrery::kernels {
namespace {

const char* const kTypes[] = {"q4_0",   "q4_1",  "q5_0",  "q5_1",    "q8_0",   "q2_k",  "q3_k",    "q4_k",  "q5_k",
                              "q6_k",   "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_nl",
                              "iq4_xs", "tq1_0", "tq2_0", "mxfp4",   "nvfp4",  "bf16",  "f16",     "q1_0",  "q2_0"};

// The stream of scripts/quantize_fixtures.py: xorshift64*.
std::vector<std::byte> random_stream(size_t count) {
  std::vector<std::byte> bytes((count + 7) / 8 * 8);
  uint64_t state = 0x9E3779B97F4A7C15;
  for (size_t at = 0; at < count; at += 8) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    const uint64_t word = state * 0x2545F4914F6CDD1D;
    std::memcpy(&bytes[at], &word, 8);
  }
  bytes.resize(count);
  return bytes;
}

// FNV-1a over whole words.
std::string digest(std::span<const float> values) {
  uint64_t hash = 0xCBF29CE484222325;
  for (float value : values) hash = (hash ^ bits_of(value)) * 0x100000001B3;
  return fmt::format("{:016x}", hash);
}

}  // namespace

TEST(Dequantize, EqualsGgufBitForBit) {
  for (const char* type : kTypes) {
    const std::vector<float> expected = fixture_floats(std::string(type) + ".floats");
    const std::vector<float> values = dequantized(dtype_from_name(type), fixture_bytes(std::string(type) + ".blocks"));
    ASSERT_EQ(values.size(), expected.size()) << type;
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(bits_of(values[i]), bits_of(expected[i]))
          << type << " element " << i << ": " << values[i] << " " << expected[i];
    }
  }
}

TEST(Dequantize, EqualsGgufOnTwoThousandRandomBlocks) {
  const nlohmann::json digests = nlohmann::json::parse(read_text(fixture_path("digests.json")));
  for (const char* type : kTypes) {
    const DType dtype = dtype_from_name(type);
    EXPECT_EQ(digest(dequantized(dtype, random_stream(2000 * info(dtype).block_bytes))),
              digests.at(type).get<std::string>())
        << type;
  }
}

TEST(Dequantize, DoesNotCareAboutAlignment) {
  for (int index = 0; index < static_cast<int>(DType::kCount); ++index) {
    const DType type = static_cast<DType>(index);
    const std::vector<std::byte> blocks = random_stream(3 * info(type).block_bytes);
    std::vector<std::byte> shifted(blocks.size() + 1);
    std::memcpy(shifted.data() + 1, blocks.data(), blocks.size());
    EXPECT_EQ(digest(dequantized(type, blocks)), digest(dequantized(type, std::span(shifted).subspan(1))))
        << name(type);
  }
}

TEST(Dequantize, ReadsActivationTypes) {
  std::byte q8_1[36] = {};
  q8_1[1] = std::byte{0x38};  // 0.5
  q8_1[4] = std::byte{0xff};
  q8_1[35] = std::byte{127};
  const std::vector<float> values = dequantized(DType::kQ8_1, q8_1);
  EXPECT_EQ(values[0], -0.5f);
  EXPECT_EQ(values[1], 0.0f);
  EXPECT_EQ(values[31], 63.5f);
  std::byte q8_k[292] = {};
  const float d = -1.5f;
  std::memcpy(q8_k, &d, 4);
  q8_k[4] = std::byte{0x80};
  q8_k[259] = std::byte{2};
  EXPECT_EQ(dequantized(DType::kQ8_K, q8_k)[0], 192.0f);
  EXPECT_EQ(dequantized(DType::kQ8_K, q8_k)[255], -3.0f);
}

TEST(Dequantize, ReadsIntegersAndBool) {
  const auto first = [](DType type, uint64_t bits) {
    std::byte bytes[8];
    std::memcpy(bytes, &bits, 8);
    return dequantized(type, std::span(bytes).first(info(type).block_bytes)).front();
  };
  EXPECT_EQ(first(DType::kI8, 0x80), -128.0f);
  EXPECT_EQ(first(DType::kU8, 0x80), 128.0f);
  EXPECT_EQ(first(DType::kI16, 0x8001), -32767.0f);
  EXPECT_EQ(first(DType::kU16, 0x8001), 32769.0f);
  EXPECT_EQ(first(DType::kI32, 0xffffffff), -1.0f);
  EXPECT_EQ(first(DType::kU32, 0xffffffff), 4294967296.0f);
  EXPECT_EQ(first(DType::kI64, ~uint64_t{0}), -1.0f);
  EXPECT_EQ(first(DType::kU64, ~uint64_t{0}), 18446744073709551616.0f);
  EXPECT_EQ(first(DType::kF64, std::bit_cast<uint64_t>(0.1)), 0.1f);
  EXPECT_EQ(first(DType::kF32, std::bit_cast<uint32_t>(0.1f)), 0.1f);
  EXPECT_EQ(first(DType::kBool, 2), 1.0f);
  EXPECT_EQ(first(DType::kBool, 0), 0.0f);
}

TEST(Dequantize, RefusesSizesThatDisagree) {
  std::vector<std::byte> blocks(36);
  std::vector<float> out(64);
  EXPECT_NO_THROW(dequantize(DType::kQ4_0, blocks, out));
  EXPECT_THROW(dequantize(DType::kQ4_0, std::span(blocks).first(35), out), Error);
  EXPECT_THROW(dequantize(DType::kQ4_0, blocks, std::span(out).first(63)), Error);
  EXPECT_THROW(dequantize(DType::kQ4_0, blocks, std::span(out).first(32)), Error);
  EXPECT_NO_THROW(dequantize(DType::kQ4_0, {}, {}));
}

}  // namespace orrery::kernels
