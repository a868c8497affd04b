#include "orrery/kernels/matmul/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/matmul/instruction_sets.h"
#include "orrery/kernels/quantize/quantize.h"

namespace orrery::kernels {
namespace {

constexpr float kEpsilon = std::numeric_limits<float>::epsilon();

struct Weights {
  PackedMatrix packed;
  std::vector<float> values;      // [rows, cols], dequantised
  std::vector<std::byte> source;  // as a file has them
  Buffer memory;
};

Weights random_weights(PackedKind kind, int64_t rows, int64_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  Weights w;
  w.packed = {.kind = kind, .rows = rows, .cols = cols};
  w.memory = Buffer(w.packed.bytes());
  w.packed.data = w.memory.data();
  w.values.resize(rows * cols);
  const int64_t row_bytes = bytes_of(info(kind).dtype, cols);
  w.source.resize(rows * row_bytes);
  for (float& value : w.values) value = normal(random);
  quantize(info(kind).dtype, w.values, w.source);
  dequantize(info(kind).dtype, w.source, w.values);
  for (int64_t strip = 0; strip < w.packed.strips(); ++strip) {
    const std::byte* pointers[kStripRows] = {};
    for (int64_t r = 0; r < kStripRows && strip * kStripRows + r < rows; ++r) {
      pointers[r] = w.source.data() + (strip * kStripRows + r) * row_bytes;
    }
    pack_strip(kind, pointers, cols, w.memory.data() + strip * strip_bytes(kind, cols));
  }
  return w;
}

PackedRows pack(const std::vector<float>& x, int64_t rows, int64_t cols, bool quantized, Buffer& memory) {
  memory = Buffer(packed_rows_bytes(rows, cols));
  PackedRows packed = place_packed_rows(rows, cols, quantized, memory.data());
  clear_padding(packed);
  for (int64_t row = 0; row < rows; ++row) pack_row(x.data() + row * cols, row, packed);
  return packed;
}

// What the kernels see of an activation: itself, or scale·(q + fine / 256).
float seen(const PackedRows& x, int64_t row, int64_t col) {
  const int64_t first = row / 16 * 16, size = group_size(std::min<int64_t>(16, x.rows - first)), t = row - first;
  if (!x.quantized) return x.values[first * x.cols + col * size + t];
  const int64_t block = col / 32, at = first * x.cols + (block * size + t) * 32 + col % 32;
  return x.scales[first * x.cols / 32 + block * size + t] * (x.quants[at] + x.fine[at] / 256.0f);
}

// Gaussian, with a channel in 50 far larger, as language models have them.
std::vector<float> activations(int64_t rows, int64_t cols, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * cols);
  for (int64_t i = 0; i < rows * cols; ++i) x[i] = normal(random) * (i % cols % 50 == 13 ? 40.0f : 1.0f);
  return x;
}

std::vector<int64_t> columns_for(PackedKind kind) {
  if (info(kind).is_k) return {256, 768, 1536};
  if (info(kind).is_float) return {1, 7, 31, 64, 172, 576};
  return {32, 64, 96, 288, 576, 1536};  // odd numbers of blocks leave a chunk half empty
}

class Matmul : public testing::TestWithParam<int> {
 protected:
  PackedKind kind() const { return static_cast<PackedKind>(GetParam()); }
};
class BlockMatmul : public Matmul {};

TEST_P(Matmul, UnpackingARowGivesTheDequantisedWeights) {
  std::mt19937 random(1);
  for (int64_t cols : columns_for(kind())) {
    const Weights w = random_weights(kind(), 21, cols, random);
    std::vector<float> row(cols);
    for (int64_t r = 0; r < 21; ++r) {
      unpack_row(w.packed, r, row);
      for (int64_t c = 0; c < cols; ++c) ASSERT_EQ(row[c], w.values[r * cols + c]) << "row " << r << " col " << c;
    }
  }
}

TEST_P(Matmul, IsTheProductOfDequantisedWeightsAndRoundedActivations) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (int64_t cols : columns_for(kind())) {
    for (int64_t tokens : {1, 2, 3, 4, 5, 8, 9, 16, 17, 19, 33, 40}) {
      const int64_t rows = 16 + tokens;
      const Weights w = random_weights(kind(), rows, cols, random);
      const std::vector<float> x = activations(tokens, cols, random);
      std::vector<float> y(tokens * rows, -1.0f);
      Buffer memory;
      const PackedRows packed = pack(x, tokens, cols, !info(kind()).is_float, memory);
      matmul(w.packed, packed, 0, w.packed.strips(), MatmulOutput::kStore, y.data(), rows);
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t r = 0; r < rows; ++r) {
          // d·q and m are each as large as the row's largest weight, and may cancel.
          double sum = 0, size = 0, largest = 0;
          for (int64_t c = 0; c < cols; ++c) largest = std::max<double>(largest, std::fabs(w.values[r * cols + c]));
          for (int64_t c = 0; c < cols; ++c) {
            const double weight = w.values[r * cols + c], activation = seen(packed, t, c);
            sum += weight * activation;
            size += (info(kind()).has_min ? largest : std::fabs(weight)) * std::fabs(activation);
          }
          // Float sums of `cols` terms (or of blocks and mins) round at most once each.
          ASSERT_NEAR(y[t * rows + r], sum, kEpsilon * size * (4 + std::sqrt(cols)))
              << cols << " columns, token " << t << ", row " << r;
        }
      }
    }
  }
}

TEST_P(Matmul, ResultDependsOnTheRowAloneNotOnTheBatch) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const int64_t cols = columns_for(kind()).back(), rows = 48, tokens = 37;
  const Weights w = random_weights(kind(), rows, cols, random);
  const std::vector<float> x = activations(tokens, cols, random);
  std::vector<float> all(tokens * rows), one(rows);
  Buffer memory, single;
  matmul(w.packed, pack(x, tokens, cols, !info(kind()).is_float, memory), 0, 3, MatmulOutput::kStore, all.data(), rows);
  for (int64_t t = 0; t < tokens; ++t) {
    const std::vector<float> row(x.begin() + t * cols, x.begin() + (t + 1) * cols);
    matmul(w.packed, pack(row, 1, cols, !info(kind()).is_float, single), 0, 3, MatmulOutput::kStore, one.data(), rows);
    ASSERT_EQ(std::memcmp(one.data(), all.data() + t * rows, rows * sizeof(float)), 0) << "token " << t;
  }
}

TEST_P(Matmul, TilesOfTheInstructionSetEqualTheReference) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  const MatmulSet &fast = matmul_set(), &plain = matmul_reference();
  for (int64_t cols : columns_for(kind())) {
    const Weights w = random_weights(kind(), 16, cols, random);
    for (int64_t tokens : {1, 2, 4, 8, 16}) {
      const std::vector<float> x = activations(tokens, cols, random);
      Buffer memory;
      const PackedRows p = pack(x, tokens, cols, !info(kind()).is_float, memory);
      const RowGroup group = group_at(p, 0);
      alignas(64) float a[256], b[256];
      if (info(kind()).is_float) {
        fast.float_tile(kind(), w.packed.data, cols, group, a);
        plain.float_tile(kind(), w.packed.data, cols, group, b);
      } else if (tokens <= 4) {
        fast.block_tile(kind(), w.packed.data, cols, group, a);
        plain.block_tile(kind(), w.packed.data, cols, group, b);
      } else {
        Buffer ours(cols * 16 * 2 + cols * 16), theirs(cols * 16 * 2 + cols * 16);
        const auto place = [&](Buffer& buffer) {
          return OpenStrip{buffer.as<uint8_t>(), reinterpret_cast<float*>(buffer.data() + cols * 16),
                           reinterpret_cast<float*>(buffer.data() + cols * 16 + cols / 16 * 64)};
        };
        fast.open_strip(kind(), w.packed.data, cols, place(ours));
        plain.open_strip(kind(), w.packed.data, cols, place(theirs));
        ASSERT_EQ(std::memcmp(ours.data(), theirs.data(), ours.size()), 0) << cols;
        fast.open_tile(kind(), place(ours), cols, group, a);
        plain.open_tile(kind(), place(theirs), cols, group, b);
      }
      float size = 0;
      for (int i = 0; i < tokens * 16; ++i) size = std::max(size, std::fabs(b[i]));
      for (int i = 0; i < tokens * 16; ++i)
        ASSERT_NEAR(a[i], b[i], 8 * kEpsilon * size) << cols << " columns, " << tokens << " tokens";
    }
  }
}

TEST_P(BlockMatmul, LargestProductsDoNotSaturate) {
  const int64_t cols = 1024, bytes = strip_bytes(kind(), cols);
  const ChunkLayout layout = chunk_layout(kind());
  const uint16_t one = 0x3c00;  // 1 as f16
  for (const auto& [even, odd] : {std::pair(0x00, 0x00), {0xff, 0xff}, {0x80, 0x80}, {0x7f, 0x7f}, {0x00, 0xff}}) {
    Buffer strip(bytes);
    for (int64_t i = 0; i < bytes; ++i) strip.data()[i] = static_cast<std::byte>(i % 2 ? odd : even);
    for (int64_t chunk = 0; chunk < bytes; chunk += layout.bytes) {
      const int64_t end = info(kind()).is_k ? 64 : layout.quants;  // of the scales and mins
      for (int64_t i = 0; i < end; i += 2) std::memcpy(strip.data() + chunk + i, &one, 2);
    }
    for (const auto& [first, second] : {std::pair(1.0f, 1.0f), {-1.0f, -1.0f}, {1.0f, -1.0f}}) {
      for (int64_t tokens : {1, 4, 16}) {
        std::vector<float> x(tokens * cols);
        for (int64_t i = 0; i < tokens * cols; ++i) x[i] = i % 2 ? second : first;
        // One block a hundred times larger, so that it is refined, by ±127 / 256 of a step in all columns but one.
        for (int64_t i = 0; i < tokens * cols; ++i) x[i] *= i % cols >= kBlock ? 1 : i % cols ? 126.497f : 127.0f;
        Buffer memory;
        const PackedRows p = pack(x, tokens, cols, true, memory);
        const RowGroup group = group_at(p, 0);
        ASSERT_TRUE(p.has_fine[0]);
        alignas(64) float expected[256], y[256];
        matmul_reference().block_tile(kind(), strip.data(), cols, group, expected);
        matmul({.kind = kind(), .rows = 16, .cols = cols, .data = strip.data()}, p, 0, 1, MatmulOutput::kStore, y, 16);
        for (int i = 0; i < tokens * 16; ++i)
          ASSERT_EQ(y[i], expected[i]) << even << ' ' << odd << ", x " << first << ' ' << second << ", " << tokens;
      }
    }
  }
}

TEST_P(Matmul, RowsInAFileGiveTheBitsOfPackedOnes) {
  std::mt19937 random(7);
  for (int64_t cols : columns_for(kind())) {
    const Weights w = random_weights(kind(), 48, cols, random);
    std::vector<std::byte> file(w.source.size() + 1);  // at an odd address
    std::ranges::copy(w.source, file.begin() + 1);
    PackedMatrix mapped = w.packed;
    mapped.data = file.data() + 1;
    mapped.mapped = true;
    for (int64_t tokens : {1, 3, 6, 20}) {
      const std::vector<float> x = activations(tokens, cols, random);
      Buffer memory;
      const PackedRows rows = pack(x, tokens, cols, !info(kind()).is_float, memory);
      std::vector<float> expected(tokens * 48), y(tokens * 48);
      matmul(w.packed, rows, 0, 3, MatmulOutput::kStore, expected.data(), 48);
      matmul(mapped, rows, 0, 3, MatmulOutput::kStore, y.data(), 48);
      ASSERT_EQ(y, expected) << cols << ' ' << tokens;
    }
    std::vector<float> expected(cols), row(cols);
    unpack_row(w.packed, 33, expected);
    unpack_row(mapped, 33, row);
    ASSERT_EQ(row, expected);
  }
}

TEST_P(Matmul, AddsAndGatesAsAsked) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const int64_t cols = columns_for(kind()).back();
  for (int64_t tokens : {1, 6, 20}) {
    const Weights w = random_weights(kind(), 64, cols, random);
    std::vector<float> x(tokens * cols), y(tokens * 64), sum(tokens * 64, 0.5f);
    for (float& value : x) value = normal(random) / 16;
    Buffer memory;
    const PackedRows packed = pack(x, tokens, cols, !info(kind()).is_float, memory);
    matmul(w.packed, packed, 0, 4, MatmulOutput::kStore, y.data(), 64);
    matmul(w.packed, packed, 0, 4, MatmulOutput::kAdd, sum.data(), 64);
    for (int64_t i = 0; i < tokens * 64; ++i) ASSERT_EQ(sum[i], 0.5f + y[i]);
    for (const auto& [mode, activation] : {std::pair(MatmulOutput::kSwiglu, Activation::kSilu),
                                           {MatmulOutput::kGegluTanh, Activation::kGeluTanh},
                                           {MatmulOutput::kGegluErf, Activation::kGeluErf}}) {
      std::vector<float> gated(tokens * 32), expected(tokens * 32), gate, up;
      matmul(w.packed, packed, 0, 4, mode, gated.data(), 32);
      for (int64_t i = 0; i < tokens * 64; ++i) (i % 32 < 16 ? gate : up).push_back(y[i]);
      activate_gated_reference(activation, gate, up, expected);
      for (int64_t i = 0; i < tokens * 32; ++i)
        ASSERT_NEAR(gated[i], expected[i], 1e-6f * std::fabs(expected[i]) + 1e-9f) << static_cast<int>(mode);
    }
  }
}

std::string kind_name(const testing::TestParamInfo<int>& param) {
  return std::string(orrery::name(kernels::info(static_cast<PackedKind>(param.param)).dtype));
}
INSTANTIATE_TEST_SUITE_P(Kinds, Matmul, testing::Range(0, static_cast<int>(PackedKind::kRows)), kind_name);
INSTANTIATE_TEST_SUITE_P(Kinds, BlockMatmul,
                         testing::Range(static_cast<int>(PackedKind::kQ4_0), static_cast<int>(PackedKind::kRows)),
                         kind_name);

TEST(MatmulRows, OtherTypesAreMultipliedAsTheirDequantisedRows) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  for (DType dtype : {DType::kQ2_K, DType::kQ3_K, DType::kIQ4_XS, DType::kMXFP4}) {
    const int64_t cols = 512, rows = 40, row_bytes = bytes_of(dtype, cols);
    ASSERT_EQ(packed_kind(dtype, cols), PackedKind::kRows);
    PackedMatrix w{.kind = PackedKind::kRows, .rows = rows, .cols = cols, .dtype = dtype};
    std::vector<float> values(rows * cols);
    for (float& value : values) value = normal(random);
    std::vector<std::byte> source(rows * row_bytes);
    quantize(dtype, values, source);
    dequantize(dtype, source, values);
    Buffer memory(w.bytes());
    w.data = memory.data();
    for (int64_t strip = 0; strip < w.strips(); ++strip) {
      const std::byte* pointers[kStripRows] = {};
      for (int64_t r = strip * 16; r < std::min(rows, strip * 16 + 16); ++r)
        pointers[r % 16] = source.data() + r * row_bytes;
      pack_rows_as_they_are(pointers, row_bytes, memory.data() + strip * w.strip_bytes());
    }
    for (int64_t tokens : {1, 7, 20}) {
      const std::vector<float> x = activations(tokens, cols, random);
      Buffer x_memory;
      std::vector<float> y(tokens * rows), row(cols);
      matmul(w, pack(x, tokens, cols, false, x_memory), 0, w.strips(), MatmulOutput::kStore, y.data(), rows);
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t r = 0; r < rows; ++r) {
          double sum = 0, size = 0;
          for (int64_t c = 0; c < cols; ++c) {
            sum += static_cast<double>(values[r * cols + c]) * x[t * cols + c];
            size += std::fabs(static_cast<double>(values[r * cols + c]) * x[t * cols + c]);
          }
          ASSERT_NEAR(y[t * rows + r], sum, kEpsilon * size * 30) << name(dtype);
        }
      }
      unpack_row(w, 33, row);
      for (int64_t c = 0; c < cols; ++c) ASSERT_EQ(row[c], values[33 * cols + c]);
    }
  }
}

TEST(QuantizeRow, EqualsTheReferenceOnHardValues) {
  std::vector<float> x(64, 0.0f);
  x[0] = 1e-38f, x[1] = -1e-38f, x[32] = 3e18f, x[33] = -1.0f, x[40] = 127.5f;  // a tiny block, and a huge one
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 200; ++round) {
    struct Out {
      int8_t quants[64], fine[64];
      float scales[2], sums[2];
      int32_t offsets[2], halves[4], fine_offsets[2], fine_halves[4];
      uint8_t has_fine[2];
    } out[2] = {};
    for (int side = 0; side < 2; ++side) {
      Out& o = out[side];
      (side == 0 ? matmul_set() : matmul_reference())
          .quantize_row(x.data(), 64,
                        {1, round % 2 == 1, o.quants, o.scales, o.sums, o.offsets, o.halves, o.fine, o.fine_offsets,
                         o.fine_halves, o.has_fine});
    }
    ASSERT_EQ(std::memcmp(&out[0], &out[1], sizeof(Out)), 0) << "round " << round;
    for (float& value : x) value = normal(random) * std::exp(4 * normal(random));
  }
}

TEST(QuantizeRow, RefinesTheBlockOfAnOutlierAndNoOther) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> x(576);
  for (float& value : x) value = normal(random);
  x[100] = 300.0f;
  Buffer memory;
  const PackedRows packed = pack(x, 1, 576, true, memory);
  for (int64_t block = 0; block < 18; ++block) EXPECT_EQ(packed.has_fine[block], block == 3) << block;
  for (int64_t col = 96; col < 128; ++col) EXPECT_NEAR(seen(packed, 0, col), x[col], 300.0f / 127 / 256);
}

TEST(QuantizeRow, OfSquaredActivationsRefinesOnlyWhatStandsOut) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  std::vector<float> x(3072);
  for (float& value : x) {
    const float drawn = std::clamp(normal(random), 0.0f, 2.5f);
    value = drawn * drawn;
  }
  x[100] = 300.0f;
  const auto refined = [&](bool squared) {
    Buffer memory(packed_rows_bytes(1, 3072));
    PackedRows packed = place_packed_rows(1, 3072, true, memory.data());
    packed.squared = squared;
    clear_padding(packed);
    pack_row(x.data(), 0, packed);
    std::vector<int64_t> blocks;
    for (int64_t block = 0; block < 96; ++block)
      if (packed.has_fine[block]) blocks.push_back(block);
    return blocks;
  };
  EXPECT_EQ(refined(true), std::vector<int64_t>{3});
  x[100] = 0;
  EXPECT_EQ(refined(true), std::vector<int64_t>{});
  EXPECT_GT(refined(false).size(), 10u);
}

}  // namespace
}  // namespace orrery::kernels
