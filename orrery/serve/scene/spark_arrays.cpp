#include "orrery/serve/scene/spark_arrays.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>

#include "orrery/kernels/convert/convert.h"
#include "orrery/splat/activation.h"

namespace orrery::serve {
namespace {

using Word = uint32_t;

Word halves(double low, double high) {
  return kernels::f32_to_f16(static_cast<float>(low)) | Word{kernels::f32_to_f16(static_cast<float>(high))} << 16;
}

/// The nearest of 0 to `most` to a share of 0 to 1.
Word level(double share, Word most) { return splat::to_level(share * most, most); }

// Cigolle et al. 2014, "A Survey of Efficient Representations for Independent Unit Vectors": the octahedron's lower
// half is folded over the upper one's corners.
Word rotation(const float* quat) {
  auto [w, x, y, z] = splat::unit_quaternion(quat);
  const double sign = w < 0 ? -1 : 1;
  const double sine = std::sqrt(x * x + y * y + z * z);
  const double angle = 2 * std::atan2(sine, sign * w);
  const double sum = sign * (std::abs(x) + std::abs(y) + std::abs(z));
  double u = 1, v = 0;  // no rotation has any axis
  if (sine > 1e-6) {
    u = x / sum;
    v = y / sum;
    if (z / sum < 0) {
      const double folded = (1 - std::abs(v)) * (u < 0 ? -1 : 1);
      v = (1 - std::abs(u)) * (v < 0 ? -1 : 1);
      u = folded;
    }
  }
  return level(angle / std::numbers::pi, 4095) << 20 | level(v / 2 + 0.5, 1023) << 10 | level(u / 2 + 0.5, 1023);
}

// The least power of two that all three fit below.
Word coefficient(const float* rgb) {
  constexpr int kBias = 15;
  const double most = std::max({std::abs(rgb[0]), std::abs(rgb[1]), std::abs(rgb[2])});
  const int power = most > 0 ? static_cast<int>(std::ceil(std::log2(most))) : -kBias;
  const int exponent = std::clamp(power + kBias, 0, 31);
  Word word = static_cast<Word>(exponent) << 27;
  for (int channel = 0; channel < 3; ++channel) {
    word |= level(std::ldexp(std::abs(double{rgb[channel]}), kBias - exponent), 255) << (8 * channel);
    if (rgb[channel] < 0) word |= Word{1} << (24 + channel);
  }
  return word;
}

}  // namespace

std::vector<std::byte> spark_arrays(const splat::Scene& scene) {
  constexpr int kArrays[] = {2, 3, 4, 6};  // of a scene of that degree
  const auto count = static_cast<size_t>(scene.count());
  const int arrays = kArrays[scene.sh_degree];
  std::vector<Word> words(4 * count * static_cast<size_t>(arrays));
  const auto row = [&](int array, size_t n) { return words.data() + 4 * (static_cast<size_t>(array) * count + n); };
  for (size_t n = 0; n < count; ++n) {
    const float* sh = scene.sh.data() + 3 * n * static_cast<size_t>(scene.coefficients());
    const float* logs = scene.log_scales.data() + 3 * n;
    Word* position = row(0, n);
    for (size_t axis = 0; axis < 3; ++axis) position[axis] = std::bit_cast<Word>(scene.means[3 * n + axis]);
    position[3] = halves(splat::opacity_from_logit(scene.opacity_logits[n]), 0);
    Word* shape = row(1, n);
    shape[0] = halves(splat::colour_from_sh0(sh[0]), splat::colour_from_sh0(sh[1]));
    shape[1] = halves(splat::colour_from_sh0(sh[2]), logs[0]);
    shape[2] = halves(logs[1], logs[2]);
    shape[3] = rotation(scene.quats.data() + 4 * n);
    for (int k = 1; k < scene.coefficients(); ++k) row(2 + (k - 1) / 4, n)[(k - 1) % 4] = coefficient(sh + 3 * k);
  }
  std::vector<std::byte> bytes(words.size() * sizeof(Word));
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

}  // namespace orrery::serve
