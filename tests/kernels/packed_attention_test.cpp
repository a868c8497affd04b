#include "orrery/kernels/packed_attention/packed_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace orrery::kernels {
namespace {

using Values = std::vector<float>;

Values random_values(int64_t size, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  Values values(size);
  for (float& value : values) value = draw(random);
  return values;
}

/// A row with heads further apart than they are wide.
struct Row {
  Row(int64_t tokens, int64_t head_dim, int64_t group, int64_t window, int seed)
      : stride(head_dim * group + 3),
        q(random_values(tokens * stride, seed)),
        k(random_values(tokens * stride, seed + 1)),
        v(random_values(tokens * stride, seed + 2)),
        d_out(random_values(tokens * stride, seed + 3)),
        in{.tokens = tokens,
           .head_dim = head_dim,
           .group = group,
           .window = window,
           .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
           .q = rows(q),
           .k = rows(k),
           .v = rows(v)} {}
  HeadRows<float> rows(Values& values) const { return {values.data(), stride}; }
  HeadRows<const float> slope() const { return {d_out.data(), stride}; }
  int64_t floats() const { return static_cast<int64_t>(q.size()); }

  int64_t stride;
  Values q, k, v, d_out;
  PackedAttention in;
};

struct Results {
  explicit Results(const Row& row)
      : out(row.floats()), log_sum(row.in.group * row.in.tokens), d_q(out.size()), d_k(out.size()), d_v(out.size()) {}
  Values out, log_sum, d_q, d_k, d_v;
};

Results run(const Row& row) {
  Results results(row);
  Values scratch(packed_attention_scratch(row.in.tokens, row.in.head_dim), std::nanf(""));
  packed_attention(row.in, row.rows(results.out), results.log_sum, scratch);
  packed_attention_backward(row.in, {row.rows(results.out), row.slope(), results.log_sum}, row.rows(results.d_q),
                            row.rows(results.d_k), row.rows(results.d_v), scratch);
  return results;
}

Results run_reference(const Row& row) {
  Results results(row);
  packed_attention_reference(row.in, row.rows(results.out), results.log_sum);
  packed_attention_backward_reference(row.in, {row.rows(results.out), row.slope(), results.log_sum},
                                      row.rows(results.d_q), row.rows(results.d_k), row.rows(results.d_v));
  return results;
}

void expect_near(const Values& ours, const Values& expected, float tolerance, const char* what) {
  for (size_t i = 0; i < ours.size(); ++i)
    ASSERT_NEAR(ours[i], expected[i], tolerance * (1 + std::fabs(expected[i]))) << what << ", " << i;
}

void expect_equals_reference(const Row& row) {
  const Results ours = run(row), expected = run_reference(row);
  expect_near(ours.out, expected.out, 1e-5f, "out");
  expect_near(ours.log_sum, expected.log_sum, 1e-5f, "log_sum");
  expect_near(ours.d_q, expected.d_q, 5e-5f, "d_q");
  expect_near(ours.d_k, expected.d_k, 5e-5f, "d_k");
  expect_near(ours.d_v, expected.d_v, 5e-5f, "d_v");
}

TEST(PackedAttention, EqualsReference) {
  for (const int64_t tokens : {1, 2, 64, 65, 150}) {
    for (const int64_t head_dim : {8, 20, 64}) {
      for (const int64_t group : {1, 3}) {
        for (const int64_t window : {0, 1, 7, 70}) {
          SCOPED_TRACE(testing::Message() << tokens << " tokens, heads of " << head_dim << ", groups of " << group
                                          << ", window " << window);
          expect_equals_reference({tokens, head_dim, group, window, static_cast<int>(tokens * 7 + head_dim)});
        }
      }
    }
  }
}

TEST(PackedAttention, BranchesEqualReference) {
  for (const std::vector<int64_t>& branches :
       {std::vector<int64_t>{100, 140}, {1, 2, 3}, {64, 128, 192}, {0, 70}, {30, 31, 250}}) {
    for (const int64_t window : {0, 5, 90}) {
      SCOPED_TRACE(testing::Message() << branches.size() << " branches from " << branches[0] << ", window " << window);
      Row row(260, 16, 2, window, 31);
      row.in.branches = branches;
      expect_equals_reference(row);
    }
  }
}

/// What a branch gives is what its tokens give behind the trunk alone.
TEST(PackedAttention, BranchIsARowOfItsOwn) {
  const int64_t trunk = 70, first = 40, second = 50, width = 16;
  for (const int64_t window : {0, 60}) {
    Row both(trunk + first + second, width, 1, window, 3);
    const std::vector<int64_t> branches = {trunk, trunk + first};
    both.in.branches = branches;
    Row alone(trunk + second, width, 1, window, 3);
    for (auto part : {&Row::q, &Row::k, &Row::v})
      std::copy_n((both.*part).begin() + (trunk + first) * both.stride, second * both.stride,
                  (alone.*part).begin() + trunk * alone.stride);
    const Results joint = run(both), single = run(alone);
    for (int64_t t = 0; t < second; ++t)
      for (int64_t i = 0; i < width; ++i)
        ASSERT_NEAR(joint.out[(trunk + first + t) * both.stride + i], single.out[(trunk + t) * alone.stride + i], 1e-5)
            << t << ", " << i;
  }
}

TEST(PackedAttention, LargeScoresStayFinite) {
  Row row(150, 16, 2, 0, 5);
  for (float& value : row.q) value *= 60;
  const Results ours = run(row), expected = run_reference(row);
  expect_near(ours.out, expected.out, 1e-3f, "out");
  for (float value : ours.d_q) ASSERT_TRUE(std::isfinite(value));
}

/// Σ out ⊙ d_out, of which the backward pass is the gradient.
double objective(const Row& row) {
  Results results(row);
  packed_attention_reference(row.in, row.rows(results.out), results.log_sum);
  double sum = 0;
  for (int64_t t = 0; t < row.in.tokens; ++t)
    for (int64_t i = 0; i < row.in.group * row.in.head_dim; ++i)
      sum += double(row.rows(results.out)(t)[i]) * row.slope()(t)[i];
  return sum;
}

TEST(PackedAttention, ReferenceGradientIsTheSlope) {
  Row row(9, 4, 2, 4, 11);
  const Results results = run_reference(row);
  const auto expect_slope = [&](Values& values, const Values& gradient, int64_t width) {
    for (int64_t t = 0; t < row.in.tokens; ++t) {
      for (int64_t i = 0; i < width; ++i) {
        float& value = values[t * row.stride + i];
        const float kept = value, step = 1e-2f;
        value = kept + step;
        const double above = objective(row);
        value = kept - step;
        const double below = objective(row);
        value = kept;
        ASSERT_NEAR((above - below) / (2 * step), gradient[t * row.stride + i], 2e-3) << t << ", " << i;
      }
    }
  };
  expect_slope(row.q, results.d_q, 8);
  expect_slope(row.k, results.d_k, 4);
  expect_slope(row.v, results.d_v, 4);
}

}  // namespace
}  // namespace orrery::kernels
