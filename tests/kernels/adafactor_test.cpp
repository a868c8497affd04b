#include "orrery/kernels/adafactor/adafactor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/kernels/random_values.h"

namespace orrery::kernels {
namespace {

struct State {
  State(size_t rows, size_t columns) : row(rows), column(columns) {
    std::mt19937 random(5);
    p = random_values(rows * columns, random), g = random_values(rows * columns, random);
    for (float& value : row) value = std::exp(random_values(1, random)[0]);
    for (float& value : column) value = std::exp(random_values(1, random)[0]);
  }
  std::vector<float> p, g, row, column;
};

void run_in_order(int64_t parts, const std::function<void(int64_t)>& work) {
  for (int64_t i = 0; i < parts; ++i) work(i);
}
void run_backwards(int64_t parts, const std::function<void(int64_t)>& work) {
  for (int64_t i = parts; i-- > 0;) work(i);
}

TEST(Adafactor, EqualsReference) {
  for (const auto& [rows, columns] : {std::pair<size_t, size_t>{1, 1}, {3, 5}, {33, 17}, {100, 64}, {7, 301}}) {
    for (const int64_t step : {1, 2, 1000}) {
      for (const bool scaled : {false, true}) {
        const AdafactorStep how{.learning_rate = 3e-2,
                                .clip_threshold = scaled ? 0.5 : 1,  // of about 1: reached and not
                                .weight_decay = 0.1,
                                .scale_parameter = scaled,
                                .gradient_scale = 0.7,
                                .step = step};
        State ours(rows, columns), expected(rows, columns);
        adafactor(how, ours.p, ours.g, ours.row, ours.column, run_in_order);
        adafactor_reference(how, expected.p, expected.g, expected.row, expected.column);
        const auto near = [&](const std::vector<float>& a, const std::vector<float>& b) {
          for (size_t i = 0; i < a.size(); ++i)
            ASSERT_NEAR(a[i], b[i], 1e-6f * (1 + std::fabs(b[i]))) << rows << " x " << columns << ", " << i;
        };
        near(ours.p, expected.p), near(ours.row, expected.row), near(ours.column, expected.column);
      }
    }
  }
}

TEST(Adafactor, TheOrderOfThePartsChangesNoBit) {
  State forward(100, 30), backward(100, 30);
  const AdafactorStep how{.scale_parameter = true, .step = 3};
  adafactor(how, forward.p, forward.g, forward.row, forward.column, run_in_order);
  adafactor(how, backward.p, backward.g, backward.row, backward.column, run_backwards);
  EXPECT_EQ(forward.p, backward.p);
  EXPECT_EQ(forward.column, backward.column);
}

// transformers' Adafactor(relative_step=False, lr=0.05, weight_decay=0.1) after three steps, by scripts/optimizers.py:
// p_i = sin i; in step t from 1, g_i = cos(3i + t).
struct Theirs {
  bool scale_parameter;
  double clip_threshold;
  std::vector<float> matrix, vector;  // [2, 3] and [4]
};
const Theirs kTheirs[] = {
    {false,
     1.0,
     {0.054945454f, 0.79446036f, 0.91018021f, 0.14010005f, -0.76057673f, -0.91613448f},
     {0.046025407f, 0.79762655f, 0.9103204f, 0.14096901f}},
    {true,
     0.5,
     {0.035396554f, 0.81024671f, 0.90940607f, 0.14019953f, -0.75847733f, -0.9308635f},
     {0.025289308f, 0.81658584f, 0.90885401f, 0.14051819f}},
};

TEST(Adafactor, IsTransformers) {
  for (const Theirs& theirs : kTheirs) {
    std::vector<float> matrix(6), vector(4), row(2), column(3), v(4);
    for (size_t i = 0; i < 6; ++i) matrix[i] = static_cast<float>(std::sin(static_cast<double>(i)));
    std::copy_n(matrix.begin(), 4, vector.begin());
    for (int64_t step = 1; step <= 3; ++step) {
      std::vector<float> g(6);
      for (size_t i = 0; i < 6; ++i) g[i] = static_cast<float>(std::cos(static_cast<double>(3 * i + step)));
      const AdafactorStep how{.learning_rate = 0.05,
                              .clip_threshold = theirs.clip_threshold,
                              .weight_decay = 0.1,
                              .scale_parameter = theirs.scale_parameter,
                              .step = step};
      adafactor(how, matrix, g, row, column, run_in_order);
      adafactor_vector(how, vector, std::span(g).first(4), v);
    }
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(matrix[i], theirs.matrix[i], 2e-6f) << i;
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(vector[i], theirs.vector[i], 2e-6f) << i;
  }
}

}  // namespace
}  // namespace orrery::kernels
