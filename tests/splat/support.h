// What the tests of scenes share: random ones, and the harmonics in plain loops.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <random>

#include "orrery/splat/scene.h"
#include "tests/formats/support.h"

namespace orrery::splat {

using formats::contains;
using formats::error_message;
using formats::TemporaryFolder;

using Direction = std::array<double, 3>;

/// Places within 4 units, sizes of 0.003 to 0.4, any rotation of any length, colours mostly within 0 to 1.
inline Scene random_scene(int64_t count, int sh_degree, uint32_t seed = 1) {
  std::mt19937 random(seed);
  const auto fill = [&](std::vector<float>& values, float low, float high) {
    std::uniform_real_distribution<float> draw(low, high);
    for (float& value : values) value = draw(random);
  };
  Scene scene = Scene::zeros(count, sh_degree);
  fill(scene.means, -4, 4);
  fill(scene.log_scales, -6, -1);
  fill(scene.quats, -2, 2);
  fill(scene.opacity_logits, -5, 5);
  fill(scene.sh, -0.9f, 0.9f);
  return scene;
}

/// The sixteen basis functions of 3DGS (Kerbl et al. 2023, after Green 2003, "Spherical Harmonic Lighting").
inline std::array<double, 16> sh_basis(const Direction& d) {
  const auto [x, y, z] = d;
  const double xx = x * x, yy = y * y, zz = z * z;
  return {0.28209479177387814,
          -0.4886025119029199 * y,
          0.4886025119029199 * z,
          -0.4886025119029199 * x,
          1.0925484305920792 * x * y,
          -1.0925484305920792 * y * z,
          0.31539156525252005 * (2 * zz - xx - yy),
          -1.0925484305920792 * x * z,
          0.5462742152960396 * (xx - yy),
          -0.5900435899266435 * y * (3 * xx - yy),
          2.890611442640554 * x * y * z,
          -0.4570457994644658 * y * (4 * zz - xx - yy),
          0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
          -0.4570457994644658 * x * (4 * zz - xx - yy),
          1.445305721320277 * z * (xx - yy),
          -0.5900435899266435 * x * (xx - 3 * yy)};
}

/// Σ basis·sh of one channel of Gaussian n.
inline double sh_sum(const Scene& scene, int64_t n, int channel, const Direction& d) {
  const std::array<double, 16> basis = sh_basis(d);
  double sum = 0;
  for (int k = 0; k < scene.coefficients(); ++k)
    sum += basis[static_cast<size_t>(k)] * scene.sh[static_cast<size_t>(3 * (n * scene.coefficients() + k) + channel)];
  return sum;
}

inline Direction random_direction(std::mt19937& random) {
  std::normal_distribution<double> draw;
  Direction d = {draw(random), draw(random), draw(random)};
  const double length = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  for (double& part : d) part /= length;
  return d;
}

inline void expect_same(const Scene& got, const Scene& want) {
  EXPECT_EQ(got.means, want.means);
  EXPECT_EQ(got.log_scales, want.log_scales);
  EXPECT_EQ(got.quats, want.quats);
  EXPECT_EQ(got.opacity_logits, want.opacity_logits);
  EXPECT_EQ(got.sh_degree, want.sh_degree);
  EXPECT_EQ(got.sh, want.sh);
  EXPECT_EQ(got.antialiased, want.antialiased);
}

}  // namespace orrery::splat
