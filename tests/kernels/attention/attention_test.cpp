#include "orrery/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

struct Problem {
  KvFormat format;
  int64_t group = 1, tokens = 1, first_position = 0;
  std::vector<float> q;
  Buffer memory;
  std::vector<const std::byte*> pages;

  int64_t keys() const { return first_position + tokens; }
  AttentionTask task(int64_t kv_head) const {
    const int64_t stride = format.kv_heads * group * format.head_dim;
    return {.format = format,
            .pages = pages.data(),
            .kv_head = kv_head,
            .group = group,
            .tokens = tokens,
            .first_position = first_position,
            .first_key = 0,
            .last_key = keys(),
            .q = q.data() + kv_head * group * format.head_dim,
            .q_stride = stride,
            .scale = 1.0f / std::sqrt(static_cast<float>(format.head_dim))};
  }
};

Problem make_problem(DType dtype, int64_t head_dim, int64_t group, int64_t tokens, int64_t first_position,
                     std::mt19937& random) {
  std::normal_distribution<float> normal;
  Problem p{.format = {dtype, 2, head_dim}, .group = group, .tokens = tokens, .first_position = first_position};
  p.q.resize(tokens * 2 * group * head_dim);
  for (float& x : p.q) x = 2 * normal(random);
  const int64_t count = (p.keys() + kPageTokens - 1) / kPageTokens;
  p.memory = Buffer(count * p.format.page_bytes());
  std::vector<float> k(2 * head_dim), v(2 * head_dim);
  for (int64_t i = 0; i < count; ++i) p.pages.push_back(p.memory.data() + i * p.format.page_bytes());
  for (int64_t key = 0; key < p.keys(); ++key) {
    for (float& x : k) x = normal(random);
    for (float& x : v) x = normal(random);
    std::byte* page = p.memory.data() + key / kPageTokens * p.format.page_bytes();
    for (int64_t head = 0; head < 2; ++head) {
      write_kv(p.format, page, head, key % kPageTokens, k.data() + head * head_dim, v.data() + head * head_dim);
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
  float at(int64_t i, int64_t dims) const { return values[i] / sum[i / dims]; }
};

using Attend = std::function<void(const AttentionTask&, const AttentionPart&)>;

void expect_like_reference(const Problem& problem, const Attend& attend, float tolerance) {
  for (int64_t kv_head = 0; kv_head < 2; ++kv_head) {
    const AttentionTask task = problem.task(kv_head);
    Result ours(task), expected(task);
    attend(task, ours.part);
    attend_reference(task, expected.part);
    for (size_t i = 0; i < ours.values.size(); ++i) {
      ASSERT_NEAR(ours.at(i, task.format.head_dim), expected.at(i, task.format.head_dim), tolerance)
          << "row " << i / task.format.head_dim << " dim " << i % task.format.head_dim << " of " << problem.keys()
          << " keys";
    }
  }
}

TEST(Attention, Float32PathEqualsReference) {
  std::mt19937 random(1);
  for (DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    for (int64_t head_dim : {8, 32, 64, 96}) {
      if (dtype == DType::kQ8_0 && head_dim % 32 != 0) continue;
      for (auto [tokens, first] : {std::pair<int64_t, int64_t>{1, 0}, {1, 63}, {1, 64}, {3, 130}, {17, 0}, {70, 5}}) {
        // Scores and values are sums of up to 200 float products: 1e-5 of values of size 1.
        expect_like_reference(make_problem(dtype, head_dim, 3, tokens, first, random), attend_cpu, 1e-5f);
      }
    }
  }
}

TEST(Attention, Int8PathIsWithinItsRoundingOfTheReference) {
  if (isa() != Isa::kAvx512) GTEST_SKIP() << "needs AVX-512; this run has " << name(isa());
#if defined(__x86_64__)
  std::mt19937 random(2);
  for (DType dtype : {DType::kF16, DType::kQ8_0}) {
    for (int64_t head_dim : {16, 32, 64, 80, 128}) {
      if (dtype == DType::kQ8_0 && head_dim % 32 != 0) continue;
      for (auto [tokens, first] :
           {std::pair<int64_t, int64_t>{1, 0}, {5, 63}, {8, 64}, {33, 130}, {64, 0}, {70, 600}}) {
        for (int64_t group : {1, 3}) {
          // q is rounded by σ = 2·3/127/√12 = 0.014, a key by half of that: σ = 0.02 in a score, 2 % in a weight. A
          // value is rounded by 0.007. At most twice that over all results, and five times their sum in one.
          const Problem problem = make_problem(dtype, head_dim, group, tokens, first, random);
          expect_like_reference(problem, attend_avx512, 0.13f);
          const AttentionTask task = problem.task(1);
          Result ours(task), expected(task);
          attend_avx512(task, ours.part);
          attend_reference(task, expected.part);
          double squares = 0;
          for (size_t i = 0; i < ours.values.size(); ++i)
            squares += std::pow(ours.at(i, head_dim) - expected.at(i, head_dim), 2);
          EXPECT_LT(std::sqrt(squares / static_cast<double>(ours.values.size())), 0.02);
        }
      }
    }
  }
#endif
}

TEST(Attention, PartsOfTheKeysJoinToTheWhole) {
  std::mt19937 random(3);
  const Problem p = make_problem(DType::kF32, 64, 3, 4, 300, random);
  const AttentionTask whole = p.task(1);
  Result all(whole);
  attend_cpu(whole, all.part);
  std::vector<Result> results;
  std::vector<AttentionPart> parts;
  for (int64_t first = 0; first < p.keys(); first += 128) {
    AttentionTask task = whole;
    task.first_key = first;
    task.last_key = std::min(p.keys(), first + 128);
    results.emplace_back(task);
    attend_cpu(task, results.back().part);
  }
  for (Result& r : results) parts.push_back({r.values.data(), r.largest.data(), r.sum.data()});
  const int64_t stride = 2 * 3 * 64;
  std::vector<float> joined(4 * stride), single(4 * stride);
  join(whole, parts.data(), parts.size(), joined.data(), stride);
  join(whole, &all.part, 1, single.data(), stride);
  for (size_t i = 0; i < joined.size(); ++i) ASSERT_NEAR(joined[i], single[i], 2e-6f);
  EXPECT_NE(single[stride - 1], 0.0f);
  EXPECT_EQ(single[0], 0.0f) << "the other kv head's rows must stay untouched";
}

TEST(Attention, ReadsBackWhatWasWritten) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
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
        const float tolerance = dtype == DType::kF32 ? 0 : dtype == DType::kF16 ? 2e-3f : 2e-2f;
        read_key(format, page.data(), head, slot, read.data());
        for (int i = 0; i < 64; ++i) ASSERT_NEAR(read[i], k[head * 64 + i], tolerance);
        read_value(format, page.data(), head, slot, read.data());
        for (int i = 0; i < 64; ++i) ASSERT_NEAR(read[i], v[head * 64 + i], tolerance);
      }
    }
  }
}

}  // namespace
}  // namespace orrery::kernels
