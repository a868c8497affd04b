// Checks a step of AdamW against the reference, then times it on more values than any cache holds.
#include <fmt/format.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"

using namespace orrery::kernels;

int main() {
  constexpr size_t kSize = 1 << 25;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<float> p(kSize), g(kSize), m(kSize), v(kSize);
  for (size_t i = 0; i < kSize; ++i)
    p[i] = draw(random), g[i] = draw(random), m[i] = draw(random), v[i] = std::fabs(m[i]);
  std::vector<float> expected_p(p.begin(), p.begin() + 1000), expected_m(m.begin(), m.begin() + 1000),
      expected_v(v.begin(), v.begin() + 1000);
  adamw_reference({}, expected_p, std::span(g).first(1000), expected_m, expected_v);
  adamw({}, p, g, m, v);
  float worst = 0;
  for (size_t i = 0; i < expected_p.size(); ++i) worst = std::max(worst, std::fabs(p[i] - expected_p[i]));
  const double seconds = best_seconds(10, [&] { adamw({}, p, g, m, v); });
  fmt::print("adamw, {}: largest difference {:.1e}, {:.2f} ns per value, {:.1f} GB/s\n", name(isa()), worst,
             seconds / kSize * 1e9, 28 * kSize / seconds / 1e9);
}
