// Checks a step of AdamW with moments in 8 bits against the reference, then times it on more values than any cache
// holds.
#include <fmt/format.h>

#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/adamw_8bit/adamw_8bit.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"

using namespace orrery::kernels;

int main() {
  constexpr size_t kSize = 1 << 25;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-1, 1);
  constexpr size_t kBlocks = kSize / kMomentBlock, kChecked = 4 * kMomentBlock;
  std::vector<float> p(kSize), g(kSize), m_scales(kBlocks, 0.5f), v_scales(kBlocks, 0.25f);
  std::vector<uint8_t> m(kSize), v(kSize);
  for (size_t i = 0; i < kSize; ++i) {
    p[i] = draw(random), g[i] = draw(random);
    m[i] = static_cast<uint8_t>(random()), v[i] = static_cast<uint8_t>(random());
  }
  std::vector<float> expected_p(p.begin(), p.begin() + kChecked), m_scales_part(4, 0.5f), v_scales_part(4, 0.25f);
  std::vector<uint8_t> m_part(m.begin(), m.begin() + kChecked), v_part(v.begin(), v.begin() + kChecked);
  adamw_8bit_reference({}, expected_p, std::span(g).first(kChecked), {m_part, m_scales_part}, {v_part, v_scales_part});
  adamw_8bit({}, p, g, {m, m_scales}, {v, v_scales});
  float worst = 0;
  for (size_t i = 0; i < expected_p.size(); ++i) worst = std::max(worst, std::fabs(p[i] - expected_p[i]));
  const double seconds = best_seconds(10, [&] { adamw_8bit({}, p, g, {m, m_scales}, {v, v_scales}); });
  fmt::print("adamw_8bit, {}: largest difference {:.1e}, {:.2f} ns per value, {:.1f} GB/s\n", name(isa()), worst,
             seconds / kSize * 1e9, 16 * kSize / seconds / 1e9);
}
