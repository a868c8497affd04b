// Checks a step of Lion against the reference, then times it on more values than any cache holds.
#include <fmt/format.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/lion/lion.h"

using namespace orrery::kernels;

int main() {
  constexpr size_t kSize = 1 << 25;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-1, 1);
  std::vector<float> p(kSize), g(kSize), m(kSize);
  for (size_t i = 0; i < kSize; ++i) p[i] = draw(random), g[i] = draw(random), m[i] = draw(random);
  std::vector<float> expected_p(p.begin(), p.begin() + 1000), expected_m(m.begin(), m.begin() + 1000);
  lion_reference({}, expected_p, std::span(g).first(1000), expected_m);
  lion({}, p, g, m);
  float worst = 0;
  for (size_t i = 0; i < expected_p.size(); ++i) worst = std::max(worst, std::fabs(p[i] - expected_p[i]));
  const double seconds = best_seconds(10, [&] { lion({}, p, g, m); });
  fmt::print("lion, {}: largest difference {:.1e}, {:.2f} ns per value, {:.1f} GB/s\n", name(isa()), worst,
             seconds / kSize * 1e9, 20 * kSize / seconds / 1e9);
}
