#include "orrery/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <ostream>
#include <random>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

struct Shape {
  DType dtype;
  int64_t head_dim, group = 1, tokens = 1, first_position = 0;
  int64_t min_distance = 0, max_distance = INT64_MAX;
  int64_t first_key = 0, last_key = INT64_MAX;  // of the range; cut to the keys there are
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << name(s.dtype) << ", head_dim " << s.head_dim << ", group " << s.group << ", " << s.tokens
             << " tokens from " << s.first_position << ", distance " << s.min_distance << " to " << s.max_distance
             << ", keys " << s.first_key << " to " << s.last_key;
}

struct Problem {
  Shape shape;
  KvFormat format;
  std::vector<float> q;
  Buffer memory;
  std::vector<const std::byte*> pages;

  int64_t keys() const { return shape.first_position + shape.tokens; }
  AttentionTask task(int64_t kv_head) const {
    const int64_t stride = format.kv_heads * shape.group * format.head_dim;
    return {.format = format,
            .pages = pages.data(),
            .kv_head = kv_head,
            .group = shape.group,
            .tokens = shape.tokens,
            .first_position = shape.first_position,
            .first_key = shape.first_key,
            .last_key = std::min(shape.last_key, keys()),
            .min_distance = shape.min_distance,
            .max_distance = shape.max_distance,
            .q = q.data() + kv_head * shape.group * format.head_dim,
            .q_stride = stride,
            .scale = 1.0f / std::sqrt(static_cast<float>(format.head_dim))};
  }
};

// Pages that no row sees are null, and slots that no row sees are NaN.
Problem make_problem(const Shape& shape, std::mt19937& random) {
  std::normal_distribution<float> normal;
  const int64_t dims = shape.head_dim;
  Problem p{.shape = shape, .format = {shape.dtype, 2, dims}};
  p.q.resize(shape.tokens * 2 * shape.group * dims);
  for (float& x : p.q) x = 2 * normal(random);
  const int64_t count = (p.keys() + kPageTokens - 1) / kPageTokens;
  p.memory = Buffer(count * p.format.page_bytes());
  std::memset(p.memory.data(), 0xff, p.memory.size());
  p.pages.resize(count);
  std::vector<float> k(2 * dims), v(2 * dims);
  for (int64_t key = 0; key < p.keys(); ++key) {
    for (float& x : k) x = normal(random);
    for (float& x : v) x = normal(random);
    bool seen = false;
    for (int64_t t = 0; t < shape.tokens; ++t) {
      const int64_t distance = shape.first_position + t - key;
      seen |= distance >= shape.min_distance && distance < shape.max_distance;
    }
    if (!seen || key < shape.first_key || key >= shape.last_key) continue;
    std::byte* page = p.memory.data() + key / kPageTokens * p.format.page_bytes();
    p.pages[key / kPageTokens] = page;
    for (int64_t head = 0; head < 2; ++head) {
      write_kv(p.format, page, head, key % kPageTokens, k.data() + head * dims, v.data() + head * dims);
    }
  }
  return p;
}

struct Result {
  std::vector<float> values, largest, sum;
  AttentionPart part;
  explicit Result(const AttentionTask& task)
      : values(task.rows() * task.format.head_dim),
        largest(task.rows()),
        sum(task.rows()),
        part{values.data(), largest.data(), sum.data()} {}
  float at(int64_t i, int64_t dims) const { return sum[i / dims] > 0 ? values[i] / sum[i / dims] : values[i]; }
};

using Attend = std::function<void(const AttentionTask&, const AttentionPart&)>;

// Values within `tolerance` of the reference, and so the logarithm of Σ e^score, with which parts are joined. Returns
// the mean square of the values' differences.
double expect_like_reference(const Problem& problem, const Attend& attend, float tolerance) {
  double squares = 0;
  int64_t compared = 0;
  for (int64_t kv_head = 0; kv_head < 2; ++kv_head) {
    const AttentionTask task = problem.task(kv_head);
    Result ours(task), expected(task);
    attend(task, ours.part);
    attend_reference(task, expected.part);
    for (int64_t row = 0; row < task.rows(); ++row) {
      if (expected.sum[row] == 0) {
        EXPECT_EQ(ours.sum[row], 0) << problem.shape << ", row " << row;
        EXPECT_EQ(ours.largest[row], -std::numeric_limits<float>::infinity()) << problem.shape << ", row " << row;
        continue;
      }
      EXPECT_NEAR(ours.largest[row] + std::log(ours.sum[row]), expected.largest[row] + std::log(expected.sum[row]),
                  tolerance)
          << problem.shape << ", row " << row;
    }
    const int64_t dims = task.format.head_dim;
    for (int64_t i = 0; i < task.rows() * dims; ++i, ++compared) {
      const float difference = ours.at(i, dims) - expected.at(i, dims);
      squares += difference * difference;
      if (std::fabs(difference) <= tolerance) continue;  // also false for a NaN
      ADD_FAILURE() << problem.shape << ", row " << i / dims << " dim " << i % dims << ": " << ours.at(i, dims)
                    << " for " << expected.at(i, dims);
      return 0;
    }
  }
  return squares / static_cast<double>(compared);
}

constexpr DType kPageTypes[] = {DType::kF32, DType::kF16, DType::kQ8_0, DType::kQ4_0};
bool fits(DType dtype, int64_t head_dim) { return !KvFormat{dtype}.has_scales() || head_dim % 32 == 0; }

// Scores and values are sums of up to 700 float products: 1e-5 of values of size 1.
constexpr float kFloatTolerance = 1e-5f;

TEST(Attention, Float32PathEqualsReference) {
  std::mt19937 random(1);
  for (DType dtype : kPageTypes) {
    for (int64_t head_dim : {8, 19, 24, 32, 64, 80, 96, 256}) {
      if (!fits(dtype, head_dim)) continue;
      for (auto [tokens, first] : {std::pair<int64_t, int64_t>{1, 0}, {1, 63}, {1, 64}, {3, 130}, {17, 0}, {70, 5}}) {
        expect_like_reference(make_problem({dtype, head_dim, 3, tokens, first}, random), attend_cpu, kFloatTolerance);
      }
    }
  }
}

// Shapes in which rows see a window, a far range, or a piece of the keys that starts and ends anywhere.
std::vector<Shape> shapes_with_ranges(const std::vector<int64_t>& head_dims, std::mt19937& random) {
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  std::vector<Shape> shapes;
  for (int64_t window : {1, 7, 63, 64, 65, 200}) {
    for (int64_t group : {1, 3, 8}) {
      for (DType dtype : kPageTypes) {
        const int64_t head_dim = head_dims[below(static_cast<int64_t>(head_dims.size()))];
        if (!fits(dtype, head_dim)) continue;
        Shape s{dtype, head_dim, group, 1 + below(20), below(300)};
        s.max_distance = window;
        shapes.push_back(s);
        s.first_key = below(s.first_position + s.tokens + 1), s.last_key = s.first_key + below(150);
        shapes.push_back(s);
        s.min_distance = window, s.max_distance = below(2) ? INT64_MAX : window + 1 + below(300);
        shapes.push_back(s);
        s.first_key = 0, s.last_key = INT64_MAX;
        shapes.push_back(s);
      }
    }
  }
  return shapes;
}

TEST(Attention, WindowsAndRangesEqualReference) {
  std::mt19937 random(5);
  for (const Shape& shape : shapes_with_ranges({16, 24, 32, 64, 80, 128}, random))
    expect_like_reference(make_problem(shape, random), attend_cpu, kFloatTolerance);
}

// q is rounded by σ = 2·3/127/√12 = 0.014, a key by half of that: σ = 0.02 in a score, 2 % in a weight. A value is
// rounded by 0.007. At most twice that over all results, and five times their sum in one.
constexpr float kInt8Tolerance = 0.13f;
constexpr double kInt8MeanSquare = 0.02 * 0.02;

TEST(Attention, Int8PathIsWithinItsRoundingOfTheReference) {
  if (isa() != Isa::kAvx512) GTEST_SKIP() << "needs AVX-512; this run has " << name(isa());
#if defined(__x86_64__)
  std::mt19937 random(2);
  for (DType dtype : {DType::kF16, DType::kQ8_0, DType::kQ4_0}) {
    for (int64_t head_dim : {16, 32, 80, 128}) {
      if (!fits(dtype, head_dim)) continue;
      for (auto [tokens, first] :
           {std::pair<int64_t, int64_t>{1, 0}, {5, 63}, {8, 64}, {33, 130}, {64, 0}, {20, 300}}) {
        for (int64_t group : {1, 3}) {
          const Problem problem = make_problem({dtype, head_dim, group, tokens, first}, random);
          EXPECT_LT(expect_like_reference(problem, attend_avx512, kInt8Tolerance), kInt8MeanSquare) << problem.shape;
        }
      }
    }
  }
#endif
}

TEST(Attention, Int8WindowsAndRangesAreWithinTheirRoundingOfTheReference) {
  if (isa() != Isa::kAvx512) GTEST_SKIP() << "needs AVX-512; this run has " << name(isa());
#if defined(__x86_64__)
  std::mt19937 random(6);
  double squares = 0;
  int64_t problems = 0;
  for (const Shape& shape : shapes_with_ranges({16, 32, 64, 80, 128, 256}, random)) {
    if (shape.dtype == DType::kF32) continue;
    squares += expect_like_reference(make_problem(shape, random), attend_avx512, kInt8Tolerance);
    ++problems;
  }
  EXPECT_LT(squares / static_cast<double>(problems), kInt8MeanSquare);
#endif
}

// The range in pieces of `step` keys, joined, against the reference of the whole.
void expect_parts_join(const Shape& shape, int64_t step, const Attend& attend, float tolerance, std::mt19937& random) {
  const Problem p = make_problem(shape, random);
  const AttentionTask whole = p.task(1);
  Result all(whole);
  attend_reference(whole, all.part);
  std::vector<Result> results;
  std::vector<AttentionPart> parts;
  for (int64_t first = 0; first < p.keys(); first += step) {
    AttentionTask task = whole;
    task.first_key = first;
    task.last_key = std::min(p.keys(), first + step);
    results.emplace_back(task);
    attend(task, results.back().part);
  }
  for (Result& r : results) parts.push_back({r.values.data(), r.largest.data(), r.sum.data()});
  const int64_t stride = 2 * shape.group * shape.head_dim;
  std::vector<float> joined(shape.tokens * stride), single(joined.size());
  join(whole, parts.data(), static_cast<int64_t>(parts.size()), joined.data(), stride);
  join(whole, &all.part, 1, single.data(), stride);
  for (size_t i = 0; i < joined.size(); ++i) ASSERT_NEAR(joined[i], single[i], tolerance) << shape << ", step " << step;
  EXPECT_NE(single[stride - 1], 0.0f);
  EXPECT_EQ(single[0], 0.0f) << "the other kv head's rows must stay untouched";
}

TEST(Attention, PartsOfTheKeysJoinToTheWhole) {
  std::mt19937 random(3);
  for (int64_t window : {INT64_MAX, int64_t{90}}) {
    for (int64_t step : {128, 64, 50, 1}) {
      const Shape shape{
          .dtype = DType::kF32, .head_dim = 64, .group = 3, .tokens = 4, .first_position = 300, .max_distance = window};
      expect_parts_join(shape, step, attend_cpu, 2e-6f, random);
#if defined(__x86_64__)
      if (isa() == Isa::kAvx512) {
        Shape half = shape;
        half.dtype = DType::kF16;
        expect_parts_join(half, step, attend_avx512, kInt8Tolerance, random);
      }
#endif
    }
  }
}

TEST(Attention, ARowWithoutAnyKeyIsZero) {
  std::mt19937 random(7);
  const Problem p = make_problem({.dtype = DType::kF16, .head_dim = 32, .tokens = 12, .min_distance = 5}, random);
  const AttentionTask task = p.task(0);
  Result result(task);
  attend(task, result.part);
  std::vector<float> out(12 * 64, -1.0f);
  join(task, &result.part, 1, out.data(), 64);
  for (int64_t t = 0; t < 5; ++t) EXPECT_EQ(out[t * 64], 0.0f) << t;
  EXPECT_NE(out[5 * 64], 0.0f);
}

TEST(Attention, ReadsBackWhatWasWritten) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (DType dtype : kPageTypes) {
    const KvFormat format{dtype, 2, 64};
    Buffer page(format.page_bytes());
    std::vector<float> k(128), v(128), read(64);
    for (int64_t slot : {0, 1, 63}) {
      for (float& x : k) x = normal(random);
      for (float& x : v) x = normal(random);
      for (int64_t head = 0; head < 2; ++head) {
        write_kv(format, page.data(), head, slot, k.data() + head * 64, v.data() + head * 64);
      }
      for (int64_t head = 0; head < 2; ++head) {
        // Half a step of values up to 4: of the last bit, of 4 / 127, of 4 / 8 (a whole step on the side that ends at
        // 7).
        const float tolerance = dtype == DType::kF32    ? 0
                                : dtype == DType::kF16  ? 2e-3f
                                : dtype == DType::kQ8_0 ? 2e-2f
                                                        : 0.5f;
        read_key(format, page.data(), head, slot, read.data());
        for (int i = 0; i < 64; ++i) ASSERT_NEAR(read[i], k[head * 64 + i], tolerance);
        read_value(format, page.data(), head, slot, read.data());
        for (int i = 0; i < 64; ++i) ASSERT_NEAR(read[i], v[head * 64 + i], tolerance);
      }
    }
  }
}

TEST(Attention, PagesHoldTheirTypesBytesAndNoMore) {
  EXPECT_EQ((KvFormat{DType::kF32, 2, 64}.page_bytes()), 64 * 2 * 2 * 64 * 4);
  EXPECT_EQ((KvFormat{DType::kF16, 2, 64}.page_bytes()), 64 * 2 * 2 * 64 * 2);
  EXPECT_EQ((KvFormat{DType::kQ8_0, 2, 64}.page_bytes()), 64 * 2 * 2 * bytes_of(DType::kQ8_0, 64));
  EXPECT_EQ((KvFormat{DType::kQ4_0, 2, 64}.page_bytes()), 64 * 2 * 2 * bytes_of(DType::kQ4_0, 64));
}

}  // namespace
}  // namespace orrery::kernels
