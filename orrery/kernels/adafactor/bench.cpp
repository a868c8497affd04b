// Checks a step of Adafactor against the reference, then times it on a matrix larger than any cache, on one thread.
#include <fmt/format.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/adafactor/adafactor.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"

using namespace orrery::kernels;

int main() {
  constexpr size_t kRows = 1 << 14, kColumns = 1 << 11, kSize = kRows * kColumns, kChecked = 16;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<float> p(kSize), g(kSize), row(kRows, 1.f), column(kColumns, 1.f);
  for (size_t i = 0; i < kSize; ++i) p[i] = draw(random), g[i] = draw(random);
  const auto in_order = [](int64_t parts, const std::function<void(int64_t)>& work) {
    for (int64_t part = 0; part < parts; ++part) work(part);
  };
  // A small matrix for the check, whose reference takes long.
  std::vector<float> few(p.begin(), p.begin() + kChecked * kColumns),
      expected_p = few, rows(kChecked, 1.f), columns = column, expected_rows = rows, expected_columns = column;
  const auto few_g = std::span(g).first(few.size());
  adafactor({}, few, few_g, rows, columns, in_order);
  adafactor_reference({}, expected_p, few_g, expected_rows, expected_columns);
  float worst = 0;
  for (size_t i = 0; i < expected_p.size(); ++i) worst = std::max(worst, std::fabs(few[i] - expected_p[i]));
  const double seconds = best_seconds(10, [&] { adafactor({}, p, g, row, column, in_order); });
  fmt::print("adafactor, {}: largest difference {:.1e}, {:.2f} ns per value, {:.1f} GB/s\n", name(isa()), worst,
             seconds / kSize * 1e9, 20 * kSize / seconds / 1e9);
}
