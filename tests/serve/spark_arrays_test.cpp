// The arrays that the viewer's page hands to Spark, read back as its shaders do.
#include "orrery/serve/scene/spark_arrays.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

#include "orrery/kernels/convert/convert.h"
#include "orrery/splat/activation.h"

namespace orrery::serve {
namespace {

splat::Scene random_scene(int64_t count, int sh_degree) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  splat::Scene scene = splat::Scene::zeros(count, sh_degree);
  for (auto* values : {&scene.means, &scene.log_scales, &scene.quats, &scene.opacity_logits, &scene.sh})
    for (float& value : *values) value = 3 * normal(random);
  return scene;
}

std::vector<uint32_t> words_of(const splat::Scene& scene) {
  const auto bytes = spark_arrays(scene);
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

float low_half(uint32_t word) { return kernels::f16_to_f32(static_cast<uint16_t>(word)); }
float high_half(uint32_t word) { return low_half(word >> 16); }

// decodeQuatOctXy1010R12 of Spark's shader, as w x y z.
std::array<double, 4> rotation_of(uint32_t word) {
  const double u = (word & 1023) / 1023.0 * 2 - 1, v = (word >> 10 & 1023) / 1023.0 * 2 - 1;
  std::array<double, 3> axis = {u, v, 1 - std::abs(u) - std::abs(v)};
  const double fold = std::max(-axis[2], 0.0);
  for (int i = 0; i < 2; ++i) axis[i] += axis[i] >= 0 ? -fold : fold;
  const double length = std::hypot(axis[0], axis[1], axis[2]), half = (word >> 20) / 4095.0 * std::numbers::pi / 2;
  return {std::cos(half), std::sin(half) * axis[0] / length, std::sin(half) * axis[1] / length,
          std::sin(half) * axis[2] / length};
}

TEST(SparkArrays, SayWhatTheSceneSays) {
  const splat::Scene scene = random_scene(200, 0);
  const auto words = words_of(scene);
  ASSERT_EQ(words.size(), 2u * 4 * 200);
  constexpr double kHalf = 1.0 / 2048;  // a float16 keeps 11 bits
  for (size_t n = 0; n < 200; ++n) {
    const uint32_t *position = words.data() + 4 * n, *shape = position + 4 * 200;
    for (size_t axis = 0; axis < 3; ++axis) EXPECT_EQ(std::bit_cast<float>(position[axis]), scene.means[3 * n + axis]);
    const double opacity = splat::opacity_from_logit(scene.opacity_logits[n]);
    EXPECT_NEAR(low_half(position[3]), opacity, kHalf * opacity + 1e-7);
    const float colour[] = {low_half(shape[0]), high_half(shape[0]), low_half(shape[1])};
    const float logs[] = {high_half(shape[1]), low_half(shape[2]), high_half(shape[2])};
    for (size_t i = 0; i < 3; ++i) {
      const double right = splat::colour_from_sh0(scene.sh[3 * n + i]);
      EXPECT_NEAR(colour[i], right, kHalf * std::abs(right) + 1e-6);
      EXPECT_NEAR(logs[i], scene.log_scales[3 * n + i], kHalf * std::abs(scene.log_scales[3 * n + i]) + 1e-6);
    }
    const auto expected = splat::unit_quaternion(scene.quats.data() + 4 * n), read = rotation_of(shape[3]);
    double cosine = 0;
    for (size_t i = 0; i < 4; ++i) cosine += expected[i] * read[i];
    // Half a step of 2/1023 in each octahedral coordinate, on an octahedron that is √3 times nearer than the sphere.
    EXPECT_GT(std::abs(cosine), std::cos(0.004)) << n;
  }
}

TEST(SparkArrays, RotationsAtTheEdgesAreKept) {
  const float h = std::sqrt(0.5f);
  const std::vector<std::array<float, 4>> quats = {{1, 0, 0, 0},  {-1, 0, 0, 0}, {0, 1, 0, 0},  {0, 0, -1, 0},
                                                   {0, 0, 0, -1}, {h, h, 0, 0},  {h, 0, -h, 0}, {-h, 0, 0, h},
                                                   {0, h, 0, -h}, {0, 0, 0, 0}};
  splat::Scene scene = splat::Scene::zeros(static_cast<int64_t>(quats.size()), 0);
  for (size_t n = 0; n < quats.size(); ++n) std::copy_n(quats[n].data(), 4, scene.quats.data() + 4 * n);
  const auto words = words_of(scene);
  for (size_t n = 0; n < quats.size(); ++n) {
    const auto expected = splat::unit_quaternion(quats[n].data()),
               read = rotation_of(words[4 * (quats.size() + n) + 3]);
    double cosine = 0;
    for (size_t i = 0; i < 4; ++i) cosine += expected[i] * read[i];
    EXPECT_GT(std::abs(cosine), std::cos(0.002)) << n;
  }
}

// decodeExtRgb of Spark's shader.
std::array<double, 3> coefficient_of(uint32_t word) {
  const double step = std::ldexp(1.0, static_cast<int>(word >> 27) - 15) / 255;
  std::array<double, 3> rgb;
  for (int i = 0; i < 3; ++i) rgb[i] = (word >> (24 + i) & 1 ? -step : step) * (word >> (8 * i) & 255);
  return rgb;
}

TEST(SparkArrays, HarmonicsKeepEightBitsOfTheGreatestChannel) {
  for (int degree : {1, 2, 3}) {
    splat::Scene scene = random_scene(100, degree);
    const float edges[] = {0, 1, 0.5f, 255 / 512.0f, 1e-3f, 1e-9f, 100};
    for (size_t n = 0; n < std::size(edges); ++n)
      scene.sh[3 * (n * static_cast<size_t>(scene.coefficients()) + 1)] = edges[n];
    const auto words = words_of(scene);
    const size_t count = 100, coefficients = static_cast<size_t>(scene.coefficients());
    ASSERT_EQ(words.size(), (4 * count * std::array<size_t, 4>{2, 3, 4, 6}[static_cast<size_t>(degree)]));
    for (size_t n = 0; n < count; ++n) {
      for (size_t k = 1; k < coefficients; ++k) {
        const float* right = scene.sh.data() + 3 * (n * coefficients + k);
        const auto read = coefficient_of(words[4 * ((2 + (k - 1) / 4) * count + n) + (k - 1) % 4]);
        const double most = std::max({std::abs(right[0]), std::abs(right[1]), std::abs(right[2])});
        for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(read[i], right[i], most / 255 + 1e-7) << degree << ", " << k;
      }
    }
  }
}

}  // namespace
}  // namespace orrery::serve
