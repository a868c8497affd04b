#include "orrery/kernels/sparse_adam/sparse_adam.h"

#include <gtest/gtest.h>

#include "tests/kernels/gaussian_scene.h"

namespace orrery::kernels {
namespace {

struct Table {
  Table(size_t rows, int64_t columns_of, int seed) : columns(columns_of) {
    std::mt19937 random(seed);
    const size_t size = rows * columns;
    p = random_values(size, random), g = random_values(size, random), m = random_values(size, random);
    v = random_values(size, random);
    for (float& value : v) value *= value;
    for (int64_t c = 0; c < columns; ++c) rates.push_back(c < 3 ? 1.f : 0.05f);
    for (size_t row = 0; row < rows; ++row) takes_part.push_back(row % 7 < 3 || row % 11 == 0);
  }
  AdamTable table(bool with_rates) {
    return {p, g, m, v, columns, with_rates ? std::span<const float>(rates) : std::span<const float>()};
  }
  int64_t columns;
  Floats p, g, m, v, rates;
  std::vector<uint8_t> takes_part;
};

constexpr AdamWStep kStep{.learning_rate = 3e-2, .eps = 1e-15, .step = 5};

TEST(SparseAdam, EqualsReference) {
  ThreadPool pool(2);
  for (const int64_t columns : {1, 3, 4, 48}) {
    for (const bool with_rates : {false, true}) {
      for (const bool all : {false, true}) {
        Table ours(1500, columns, 1), theirs(1500, columns, 1);
        if (all) ours.takes_part.clear();
        sparse_adam(kStep, ours.table(with_rates), ours.takes_part, pool);
        sparse_adam_reference(kStep, theirs.table(with_rates), ours.takes_part);
        expect_close(ours.p, theirs.p, 1e-6f, 0, "p");
        expect_close(ours.m, theirs.m, 1e-6f, 0, "m");
        expect_close(ours.v, theirs.v, 1e-6f, 0, "v");
      }
    }
  }
}

TEST(SparseAdam, RowsThatTakeNoPartKeepEveryBit) {
  ThreadPool pool(3);
  Table table(2000, 3, 2);
  for (size_t i = 0; i < table.g.size(); ++i)
    if (!table.takes_part[i / 3]) table.g[i] = std::numeric_limits<float>::quiet_NaN();  // not even read
  const Table before = table;
  sparse_adam(kStep, table.table(false), table.takes_part, pool);
  for (size_t i = 0; i < table.p.size(); ++i) {
    const bool changes = table.takes_part[i / 3];
    EXPECT_EQ(table.p[i] != before.p[i], changes) << i;
    EXPECT_EQ(table.v[i] != before.v[i], changes) << i;
  }
}

TEST(SparseAdam, AllRowsAreAdamW) {
  ThreadPool pool(3);
  Table ours(3000, 48, 3), theirs(3000, 48, 3);
  sparse_adam(kStep, ours.table(false), {}, pool);
  adamw(kStep, theirs.p, theirs.g, theirs.m, theirs.v);
  EXPECT_EQ(ours.p, theirs.p);
  EXPECT_EQ(ours.m, theirs.m);
  EXPECT_EQ(ours.v, theirs.v);
}

}  // namespace
}  // namespace orrery::kernels
